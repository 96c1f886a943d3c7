"""Small hosts: one that is well, and one for each mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
import telemetry

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "small.urls"
INSTALLED_APPS = ["telemetry.system_checks"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
LOGGING = telemetry.logging_config()
"""
URLS = """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("home"))]
"""
ROUTER = """
import telemetry

class Router:
    # Its argument is in a slot, as a compiled class's would be.
    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        if dict(scope.get("headers", ())).get(b"host") == b"alameda.ca.localhost:8000":
            telemetry.set_site("alameda.ca")
        await self.inner(scope, receive, send)

class Around:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
"""
BEGINNING = """
import os
import telemetry
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "small.settings")
"""
CONFIGURE = """
telemetry.configure(default_service_name="small")
from django.core.asgi import get_asgi_application
from small.router import Around, Router
"""
INSTRUMENT = """
telemetry.instrument()
"""
WRAP = """
application = telemetry.asgi_wrapper(Router(get_asgi_application()))
"""
BEFORE = BEGINNING + CONFIGURE + INSTRUMENT
WELL = BEFORE + WRAP

HOSTS = {
    "well": WELL,
    "around": WELL
    + """
def middleware(app):
    async def inner(scope, receive, send):
        await app(scope, receive, send)
    return inner

application = middleware(Around(application))
""",
    # The names of its module are all that leads from the function to the edge.
    "by_name": WELL
    + """
edge = application

async def application(scope, receive, send):
    await edge(scope, receive, send)
""",
    # A class method, which finds the edge by the name of its class.
    "of_class": WELL
    + """
class Sites:
    edge = application

    @classmethod
    async def serve(cls, scope, receive, send):
        await cls.edge(scope, receive, send)

application = Sites.serve
""",
    "of_module": WELL
    + """
import sys
edge = application
this = sys.modules[__name__]

async def application(scope, receive, send):
    await this.edge(scope, receive, send)
""",
    # As of Flask's proxies, attributes of which raise outside of a request.
    "proxy": WELL
    + """
class Proxy:
    def __getattribute__(self, name):
        raise RuntimeError(f"outside of a request: {name}")

    async def __call__(self, scope, receive, send):
        pass

class Chosen(Around):
    def __init__(self, app):
        super().__init__(app)
        self.proxy = Proxy()

application = Chosen(application)
""",
    "factory": BEFORE
    + """
def application():
    return telemetry.asgi_wrapper(Router(get_asgi_application()))

def failing():
    raise LookupError("planted")

def nothing():
    return None

around = application()

def passes_on(*arguments):
    return around(*arguments)
""",
    "parses_arguments": WELL
    + """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("application")
assert parser.parse_args().application == "small.parses_arguments:application"
""",
    "interrupted": "raise KeyboardInterrupt",
    "unwrapped": BEFORE + "application = Router(get_asgi_application())",
    "result_unused": BEFORE
    + "application = Router(get_asgi_application())\nwrapped = telemetry.asgi_wrapper(application)",
    "wrapped_twice": WELL + "application = telemetry.asgi_wrapper(application)",
    "provider_before": BEGINNING
    + """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
    + CONFIGURE
    + INSTRUMENT
    + WRAP,
    "provider_after": WELL
    + """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
""",
    "logfire": WELL
    + """
import logfire
logfire.configure(console=False)
application = logfire.instrument_asgi(application)
""",
    "contrib_django": BEFORE.replace("telemetry.instrument()", "")
    + """
from opentelemetry.instrumentation.django import DjangoInstrumentor
DjangoInstrumentor().instrument()
telemetry.instrument()
"""
    + WRAP,
    "sentry": WELL
    + """
import sentry_sdk
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
sentry_sdk.init(os.environ["SENTRY_DSN"])
application = SentryAsgiMiddleware(application)
""",
    "too_late": BEGINNING
    + CONFIGURE
    + "application = get_asgi_application()\ntelemetry.instrument()\n",
    "not_instrumented": BEGINNING + CONFIGURE + WRAP,
    "not_configured": BEGINNING + CONFIGURE.replace("telemetry.configure", "dict") + INSTRUMENT,
    "no_site": WELL.replace("Router(", "Around("),
    "broken": BEGINNING + "raise LookupError('planted')",
}


def write_hosts(folder: Path) -> None:
    """Write a package `small`, in which each host is a module."""
    package = folder / "small"
    package.mkdir()
    for name, source in {
        "__init__": "",
        "settings": SETTINGS,
        "dead_settings": f"{SETTINGS}\nLOGGING_CONFIG = None\n",
        "urls": URLS,
        "router": ROUTER,
        "asgi": HOSTS["around"],
        **HOSTS,
    }.items():
        (package / f"{name}.py").write_text(source)
