"""A host as upstream's is: Django, and a new Datasette for every request of a site.

The lines that end in `# telemetry` are the adoption of the package; without
them this is the host as it was.
"""

# ruff: noqa: E402 # what watches the frameworks is set up before them
from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import telemetry  # telemetry

telemetry.configure(default_service_name="upstream")  # telemetry

import sentry_sdk
from datasette.app import Datasette
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path

if TYPE_CHECKING:
    from django.http import HttpRequest

if "HOST_DSN" in os.environ:
    sentry_sdk.init(
        dsn=os.environ["HOST_DSN"],
        send_default_pii=True,
        traces_sample_rate=1.0,
        auto_session_tracking=False,
        send_client_reports=False,
    )

SITES = {folder.name: folder for folder in Path(os.environ["SITES_DIR"]).iterdir()}


class SubdomainRouter:
    """Answers a registered subdomain with its Datasette, and everything else with Django."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode().partition(":")[0]
        subdomain = host.removesuffix(".localhost")
        if subdomain not in SITES:
            await self.app(scope, receive, send)
            return
        telemetry.set_site(subdomain)  # telemetry
        ds = Datasette(files=[str(SITES[subdomain] / "meetings.db")])
        await ds.invoke_startup()
        await ds.app()(scope, receive, send)


async def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("home")


async def broken(request: HttpRequest) -> HttpResponse:
    raise LookupError("broken")


urlpatterns = [path("", home), path("broken/", broken)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="only-for-tests")
telemetry.instrument()  # telemetry
application = SubdomainRouter(get_asgi_application())
application = telemetry.asgi_wrapper(application)  # telemetry
