"""Sends the same requests through contrib's instrumentations or ours, and prints what came out.

For a process of its own: both keep what they do in globals.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from django.core.asgi import get_asgi_application
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import telemetry
from telemetry.asgi.edge import Edge
from telemetry.asgi.options import EdgeOptions
from telemetry.django.instrumentor import DjangoInstrumentor
from telemetry.errors.sentry.client import ErrorTracking
from telemetry.errors.sentry.envelopes import event_destination
from telemetry.export.catalog import senders
from telemetry.export.redacted import RedactedSpanExporter
from telemetry.redaction.redactor import Redactor
from telemetry.settings import SentrySettings, Settings
from telemetry.settings.model import RedactionSettings
from tests.conformance import site
from tests.telemetry.asgi.driving import Client, visit

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send
    from tests.telemetry.asgi.driving import App

BROWSER = (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
ROBOT = (b"user-agent", b"Mozilla/5.0 (compatible; Googlebot/2.1)")
REQUESTS: dict[str, dict[str, Any]] = {
    "sync": {"path": "/years/2013/", "headers": [BROWSER]},
    "async": {"path": "/towns/oakland/", "headers": [ROBOT]},
    "query": {"path": "/years/2013/", "query_string": b"sql=select+planted"},
    "post": {"path": "/towns/oakland/", "method": "POST", "headers": [(b"content-length", b"0")]},
    "head": {"path": "/years/2013/", "method": "HEAD"},
    "port": {"path": "/years/1/", "headers": [(b"host", b"civic.band:8443")], "scheme": "https"},
    "unknown method": {"path": "/years/2013/", "method": "FROBNICATE"},
    "unknown path": {"path": "/wp-login.php"},
    "stream": {"path": "/rows/", "http_version": "1.0"},
    "slow client": {"path": "/rows/", "delay": 0.02},
    "missing": {"path": "/missing/"},
    "broken": {"path": "/broken/"},
    "unavailable": {"path": "/unavailable/"},
    "a form that fails": {"path": "/broken/", "method": "POST", "body": b"page=planted"},
    "headers": {
        "path": "/years/2013/",
        "headers": [(b"x-asked", b"a"), (b"x-asked", b"b"), (b"authorization", b"planted")],
    },
}
# A port that nobody listens on: what is sent is another test's.
NOWHERE = "http://key@127.0.0.1:9/1"
EVENT_URL = "http://127.0.0.1:9/issues/1/?q=trace:{trace_id}"
CAPTURED: dict[str, Any] = {
    "http_capture_headers_server_request": ["x-asked", "authorization"],
    "http_capture_headers_server_response": ["x-page", "set-cookie"],
    "http_capture_headers_sanitize_fields": ["authorization", "set-cookie"],
}


def contrib(providers: dict[str, Any]) -> App:
    """Their instrumentor, and their middleware around it."""
    # Imported here: it reads Django's settings.
    from opentelemetry.instrumentation.django import DjangoInstrumentor as Theirs

    Theirs().instrument(**providers)
    wrapped: App = OpenTelemetryMiddleware(get_asgi_application(), **CAPTURED, **providers)
    return wrapped


def ours(providers: dict[str, Any]) -> App:
    """Our edge, our instrumentor, and a router that names the site."""
    DjangoInstrumentor().instrument()
    application = get_asgi_application()

    async def router(scope: Message, receive: Receive, send: Send) -> None:
        telemetry.set_site("alameda.ca")
        await application(scope, receive, send)  # type: ignore[arg-type]

    settings = Settings("host", "1", "test", sentry=SentrySettings(NOWHERE, EVENT_URL))
    events = event_destination(settings)
    assert events is not None
    [sender] = senders(settings, [events])
    ErrorTracking(settings, Redactor(settings.redaction), traced=True, sender=sender).start()
    return Edge(
        router, EdgeOptions(event_url=EVENT_URL, query_string=True, **CAPTURED, **providers)
    )


async def main(whose: str) -> None:
    site.set_up()
    exported, reader = InMemorySpanExporter(), InMemoryMetricReader()
    exporter: SpanExporter = exported
    if whose == "ours":
        exporter = RedactedSpanExporter(exported, Redactor(RedactionSettings()))
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)
    build = {"contrib": contrib, "ours": ours}[whose]
    app = build({"tracer_provider": tracer_provider, "meter_provider": meter_provider})
    spans = {}
    for name, request in REQUESTS.items():
        exported.clear()
        options = dict(request)
        body = {"type": "http.request", "body": options.pop("body", b"")}
        client = Client(body, delay=options.pop("delay", 0.0))
        await visit(app, client=client, **options)
        spans[name] = [_span(span) for span in exported.get_finished_spans()]
    print(json.dumps({"spans": spans, "metrics": _metrics(reader)}))


def _span(span: Any) -> dict[str, Any]:
    return {
        "name": span.name,
        "kind": span.kind.name,
        "status": span.status.status_code.name,
        "attributes": {str(key): value for key, value in span.attributes.items()},
    }


def _metrics(reader: InMemoryMetricReader) -> dict[str, Any]:
    data = reader.get_metrics_data()
    found: dict[str, Any] = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                # Contrib's two instrumentations both send it: one entry for the name.
                entry = found.setdefault(
                    metric.name, {"unit": metric.unit, "attributes": [], "buckets": []}
                )
                for point in metric.data.data_points:
                    keys = {*entry["attributes"], *map(str, point.attributes or {})}
                    entry["attributes"] = sorted(keys)
                    entry["buckets"] = list(getattr(point, "explicit_bounds", ()))
    return found


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
