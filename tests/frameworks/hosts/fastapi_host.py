"""FastAPI, with the dependency of docs/guides/asgi.md."""

import logging
import logging.config

import telemetry

telemetry.configure(default_service_name="fastapi")
logging.config.dictConfig(telemetry.logging_config())

from fastapi import APIRouter, Depends, FastAPI, Request  # noqa: E402
from opentelemetry import trace  # noqa: E402


async def route_on_span(request: Request) -> None:
    trace.get_current_span().set_attribute("http.route", request.scope["route"].path)


app = FastAPI(dependencies=[Depends(route_on_span)])
router = APIRouter(prefix="/fails")


@app.get("/towns/{name}")
def town(name: str) -> str:
    logging.getLogger("host").warning("asked for %s", name)
    return name


@router.get("/{name}")
async def fails(name: str) -> str:
    logging.getLogger("host").warning("asked for %s", name)
    raise ValueError(name)


app.include_router(router)
application = telemetry.asgi_wrapper(app)
