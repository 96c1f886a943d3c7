"""A host that initialises Sentry's SDK itself, when the variable INIT says so."""

# ruff: noqa: E402 # what watches the frameworks is set up before them
from __future__ import annotations

import json
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

import sentry_sdk

import telemetry

if TYPE_CHECKING:
    from django.http import HttpRequest

INIT = os.environ["INIT"]


def drop(event: Any, hint: Any) -> Any:
    return None


def initialise(when: str) -> None:
    if when == INIT:
        options = json.loads(os.environ.get("OPTIONS", "{}"))
        if options.pop("drop", False):
            options["before_send"] = drop
        sentry_sdk.init(
            dsn=os.environ["HOST_DSN"],
            send_default_pii=True,
            release="host-release",
            auto_session_tracking=False,
            **{"traces_sample_rate": 1.0, **options},
        )


initialise("before configure")
telemetry.configure(default_service_name="sentry-host")
initialise("after configure")

from datasette import hookimpl
from datasette.app import Datasette
from datasette.plugins import pm
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path


class FailingPlugin:
    __name__ = "FailingPlugin"

    @hookimpl  # type: ignore[untyped-decorator]
    def register_routes(self) -> Any:
        def fail() -> None:
            raise LookupError("route of a plugin")

        return [(r"^/-/fails$", fail)]


pm.register(FailingPlugin())


async def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("home")


async def async_view(request: HttpRequest, number: int) -> HttpResponse:
    raise LookupError("async view")


def sync_view(request: HttpRequest) -> HttpResponse:
    raise LookupError("sync view")


def logged(request: HttpRequest) -> HttpResponse:
    logging.getLogger("host").error("logged")
    return HttpResponse("logged")


def captured(request: HttpRequest) -> HttpResponse:
    sentry_sdk.capture_message("captured")
    return HttpResponse("captured")


def threaded(request: HttpRequest) -> HttpResponse:
    def fail() -> None:
        raise LookupError("thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    return HttpResponse("threaded")


def twice(request: HttpRequest) -> HttpResponse:
    try:
        raise ValueError("first")
    except ValueError as error:
        sentry_sdk.capture_exception(error)
        raise LookupError("second") from error


def late(request: HttpRequest) -> HttpResponse:
    initialise("request")
    return HttpResponse("late")


urlpatterns = [
    path("", home),
    path("late/", late),
    path("async/<int:number>/", async_view),
    path("sync/", sync_view),
    path("logged/", logged),
    path("captured/", captured),
    path("threaded/", threaded),
    path("twice/", twice),
]


class Router:
    def __init__(self, app: Any) -> None:
        self.app = app
        self.site: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            initialise("lifespan")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        host = dict(scope["headers"]).get(b"host", b"").decode()
        if host.startswith("broken."):
            telemetry.set_site("broken")
            raise LookupError("router")
        if not host.startswith("alameda.ca."):
            await self.app(scope, receive, send)
            return
        telemetry.set_site("alameda.ca")
        if self.site is None:
            self.site = Datasette(memory=True).app()
        await self.site(scope, receive, send)


settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="only-for-tests")
telemetry.instrument()
if INIT == "AppConfig.ready":
    settings.INSTALLED_APPS = ["tests.telemetry.errors.sentry.sentry_host_app.HostConfig"]
router: Any = Router(get_asgi_application())
if "MIDDLEWARE" in os.environ:
    from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

    router = SentryAsgiMiddleware(router)
application = telemetry.asgi_wrapper(router)
initialise("asgi.py")
