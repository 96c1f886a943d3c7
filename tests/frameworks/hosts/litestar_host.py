"""Litestar, with the hooks of docs/guides/asgi.md."""

import logging
import logging.config

import telemetry

telemetry.configure(default_service_name="litestar")
logging.config.dictConfig(telemetry.logging_config())

from litestar import Litestar, Request, get  # noqa: E402
from litestar.types import Scope  # noqa: E402
from opentelemetry import trace  # noqa: E402


async def route_on_span(request: Request) -> None:
    trace.get_current_span().set_attribute("http.route", request.scope["path_template"])


async def failed(error: Exception, scope: Scope) -> None:
    telemetry.set_failure(error)


@get("/towns/{name:str}")
async def town(name: str) -> str:
    logging.getLogger("host").warning("asked for %s", name)
    return name


@get("/fails/{name:str}")
async def fails(name: str) -> str:
    logging.getLogger("host").warning("asked for %s", name)
    raise ValueError(name)


app = Litestar(
    [town, fails],
    before_request=route_on_span,
    after_exception=[failed],
    logging_config=None,
)
application = telemetry.asgi_wrapper(app)
