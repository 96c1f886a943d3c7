"""Starlette, with the middleware of docs/guides/asgi.md."""

import logging
import logging.config

import telemetry

telemetry.configure(default_service_name="starlette")
logging.config.dictConfig(telemetry.logging_config())

from opentelemetry import trace  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from starlette.responses import PlainTextResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402


class RouteOnSpan:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        trace.get_current_span().set_attribute("http.route", scope["route"].path)
        await self.app(scope, receive, send)


async def town(request):
    logging.getLogger("host").warning("asked for %s", request.path_params["name"])
    return PlainTextResponse(request.path_params["name"])


async def fails(request):
    logging.getLogger("host").warning("asked for %s", request.path_params["name"])
    raise ValueError(request.path_params["name"])


traced = [Middleware(RouteOnSpan)]
application = telemetry.asgi_wrapper(
    Starlette(
        routes=[
            Route("/towns/{name}", town, middleware=traced),
            Route("/fails/{name}", fails, middleware=traced),
        ]
    )
)
