"""A Django project of three files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "small_urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "small_middleware.Inner"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
"""
MIDDLEWARE = """
import threading
from asgiref.sync import markcoroutinefunction

class Inner:
    sync_capable = False
    async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request):
        request.inner_thread = threading.get_ident()
        if "tenant" in request.path:
            request.scope = "a tenant"
        return await self.get_response(request)
"""
URLS = """
import threading
from django.db import connection
from django.http import Http404, HttpResponse
from django.urls import path, re_path

def sync_view(request, year):
    return HttpResponse(threading.get_ident())

async def async_view(request, name):
    return HttpResponse(threading.get_ident())

def broken(request):
    raise LookupError("minutes are lost")

async def abroken(request):
    raise LookupError("minutes are lost")

def missing(request):
    raise Http404("no such page")

def query(request):
    with connection.execute_wrapper(seen):
        connection.cursor().execute("select 1")
    return HttpResponse(statements[-1])

# A view that is equal to others, and has no hash.
class Equal:
    def __eq__(self, other):
        return isinstance(other, Equal)

    def __call__(self, request):
        return HttpResponse()

statements = []

def seen(execute, sql, params, many, context):
    statements.append(sql)
    return execute(sql, params, many, context)

urlpatterns = [
    path("sync/<int:year>/", sync_view),
    re_path(r"^async/(?P<name>[a-z]+)/$", async_view),
    path("broken/", broken),
    path("abroken/", abroken),
    path("missing/", missing),
    path("query/", query),
    path("equal/", Equal()),
    path("tenant/", sync_view, {"year": 1}),
    path("static/<path:name>", async_view),
]
"""
# What every well-behaved host does before its application is made.
CONFIGURED = """
import asyncio, os, sys, threading
import telemetry
from tests.telemetry.asgi.driving import visit

telemetry.configure(default_service_name="small")
os.environ["DJANGO_SETTINGS_MODULE"] = "small_settings"
from django.core.asgi import get_asgi_application
from telemetry.django.instrumentor import DjangoInstrumentor
"""


def write_project(folder: Path, settings: str = SETTINGS) -> None:
    """Write it; `settings` may replace the settings."""
    (folder / "small_settings.py").write_text(settings)
    (folder / "small_middleware.py").write_text(MIDDLEWARE)
    (folder / "small_urls.py").write_text(URLS)
