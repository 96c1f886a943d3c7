"""A router of the host's own."""

import logging
import logging.config

import telemetry

telemetry.configure(default_service_name="plain")
logging.config.dictConfig(telemetry.logging_config())

from opentelemetry import trace  # noqa: E402


async def _application(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError(f"wanted a scope of the type http, got {scope['type']}")
    _, kind, name = scope["path"].split("/")
    status = 200
    if kind in ("towns", "fails"):
        trace.get_current_span().set_attribute("http.route", f"/{kind}/{{name}}")
        logging.getLogger("host").warning("asked for %s", name)
        if kind == "fails":
            raise ValueError(name)
    else:
        status = 404
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": name.encode()})


application = telemetry.asgi_wrapper(_application)
