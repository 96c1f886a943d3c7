"""FastAPI, with contrib's instrumentor, which makes a span within the edge's."""

import logging
import logging.config

import telemetry

telemetry.configure(default_service_name="fastapi")
logging.config.dictConfig(telemetry.logging_config())

from fastapi import FastAPI  # noqa: E402
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: E402

app = FastAPI()


@app.get("/towns/{name}")
def town(name: str) -> str:
    logging.getLogger("host").warning("asked for %s", name)
    return name


@app.get("/fails/{name}")
async def fails(name: str) -> str:
    logging.getLogger("host").warning("asked for %s", name)
    raise ValueError(name)


FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"])
application = telemetry.asgi_wrapper(app)
