"""The operator's limits of length apply after redaction, to whatever has attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.export.lengths import Lengths, shortened
from telemetry.export.redacted import RedactedLogRecordExporter, RedactedSpanExporter
from telemetry.redaction.redactor import Redactor
from telemetry.settings import read_settings
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from telemetry.testing import OTLPReceiver

# Attributes with a secret at each place across the limit, on all that has attributes.
PROGRAM = """
import logging
import telemetry
telemetry.configure(default_service_name="script")
from opentelemetry import _logs, trace
from telemetry.logs.bridge import LogBridge
from telemetry.traces.light import LightSpan

logging.getLogger().addHandler(LogBridge())
SECRETS = ["planted@mail.example.org", "password=planted-and-more", "SECRET WORDS, planted"]
texts = {
    f"t{number}.{inside}": "x " * 20 + "y" * (10 - inside) + " " + secret + " and more" * 9
    for number, secret in enumerate(SECRETS) for inside in range(10)
}
lists = {f"list.{key}": [text, text] for key, text in texts.items()}
given = texts | lists
linked = trace.get_tracer("mine").start_span("linked").get_span_context()
for scope in ("telemetry", "mine"):
    with trace.get_tracer(scope).start_as_current_span(scope, attributes=given) as span:
        assert isinstance(span, LightSpan) is (scope == "telemetry")
        span.add_event("happened", given)
        span.add_link(linked, given)
logger = _logs.get_logger("mine")
logger.emit(_logs.LogRecord(body="of the API", attributes=given))
logging.getLogger("host").warning("of logging", extra=given)
"""


@pytest.mark.parametrize("limit", [0, 45, 50, 60])
def test_no_limit_of_the_operator_halves_a_secret(
    tmp_path: Path, receiver: OTLPReceiver, limit: int
) -> None:
    """Light spans and the SDK's, events, links, records of both APIs; texts and lists."""
    variables = {
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": str(limit),
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": str(limit + 3),
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": str(limit + 6),
        "BACKEND_PASSWORD": "SECRET WORDS, planted",
    }
    printed(tmp_path, PROGRAM, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **variables)
    spans = {span.name: span for span in receiver.spans}
    records = {str(log.body): log for log in receiver.logs}
    found: list[tuple[Mapping[str, Any], int]] = [
        (records[body].attributes, limit + 6) for body in ("of the API", "of logging")
    ]
    for scope in ("telemetry", "mine"):
        span = spans[scope]
        found += [(span.attributes, limit + 3), (span.events[0].attributes, limit)]
        found += [(span.links[0].attributes, limit)]
    for attributes, longest in found:
        own = {key: value for key, value in attributes.items() if ".0" in key or "t" in key[:6]}
        texts = [value for key, value in own.items() if key.startswith("t")]
        lists = [value for key, value in own.items() if key.startswith("list.")]
        assert (len(texts), len(lists)) == (30, 30)
        for text in (*texts, *(item for each in lists for item in each)):
            assert len(text) == longest or not text.strip("x y")
            assert "plant" not in text
            assert "SECRET" not in text


def test_an_exporter_of_the_sdk_gets_the_same() -> None:
    """Any that is installed under the standard entry points."""
    settings = read_settings(
        {
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "45",
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "48",
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": "51",
        }
    )
    lengths = Lengths.of(settings)
    assert lengths == Lengths(48, 45, 51)
    redactor = Redactor(settings.redaction)
    spans, records = InMemorySpanExporter(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call] # the SDK's
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(RedactedSpanExporter(spans, redactor, lengths)))
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(
        SimpleLogRecordProcessor(RedactedLogRecordExporter(records, redactor, lengths))
    )
    text = "x " * 20 + "planted@mail.example.org"
    given: dict[str, Any] = {"text": text, "list": [text], "few": 3, "nested": {"text": text}}
    tracer = tracers.get_tracer("mine")
    linked = tracer.start_span("linked").get_span_context()
    with tracer.start_as_current_span("work", attributes=given) as span:
        span.add_event("happened", given)
        span.add_link(linked, given)
    loggers.get_logger("mine").emit(LogRecord(body=text, attributes=given))
    [ended] = spans.get_finished_spans()
    [record] = records.get_finished_logs()
    for attributes, longest in (
        (ended.attributes, 48),
        (ended.events[0].attributes, 45),
        (ended.links[0].attributes, 45),
        (record.log_record.attributes, 51),
    ):
        cut = f"{'x ' * 20}[REDACTED]"[:longest]
        assert dict(attributes or {}) == {
            "text": cut,
            "list": (cut,),
            "few": 3,
            "nested": {"text": cut},
        }


def test_what_is_short_enough_is_the_same_object() -> None:
    """Exporters copy what is another."""
    value = {"text": "short", "list": ["short", 3]}
    assert shortened(value, 5) is value
    assert shortened(value, None) is value
    assert shortened(value, 4) == {"text": "shor", "list": ["shor", 3]}
