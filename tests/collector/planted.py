"""What must not come out of a collector, and where it was put in."""

from __future__ import annotations

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

from tests.telemetry.testing.senders import RESOURCE, Destination, meters_to, tracer_to

# By its name, whatever it looks like.
NAMED = "planted-harmless-looking"
# By its shape, whatever it is called, in the middle of a text.
SHAPES = (
    "Bearer planted.0123456789",
    "pylf_v1_us_planted0123456789",
    "ghp_planted0123456789abcd",
    "somebody.planted@example.org",
    "eyJplantedplanted.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "://planted:planted@db.example.org/",
)
TEXT = f"before {' '.join(SHAPES)} after"
NAMES = ("http.request.header.cookie", "db.password", "api_key", "X-Auth-Key", "session.token")
KEPT = {"corkboard.site": "alameda.ca", "gen_ai.usage.input_tokens": "12", "tokens": "some"}
ATTRIBUTES = {**KEPT, **dict.fromkeys(NAMES, NAMED), "note": TEXT}


def send(destination: Destination) -> None:
    """A span with an event, a metric, and records whose bodies are a text and a mapping."""
    with tracer_to(destination) as tracer:
        span = tracer.start_span("work", attributes=ATTRIBUTES)
        span.add_event("exception", {"exception.message": TEXT, "exception.stacktrace": TEXT})
        span.end()
    with meters_to(destination) as provider:
        provider.get_meter("tests").create_counter("requests").add(1, ATTRIBUTES)
    logs = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    exporter = OTLPLogExporter(endpoint=f"{destination.url}/v1/logs")
    logs.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    for body in (TEXT, {"message": TEXT, "password": NAMED}):
        logs.get_logger("tests").emit(
            LogRecord(severity_number=SeverityNumber.WARN, body=body, attributes=ATTRIBUTES)
        )
    logs.shutdown()
