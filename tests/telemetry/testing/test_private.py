"""`assert_nothing_private` finds what is planted, wherever and however it was sent."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import sentry_sdk
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.trace import Link, SpanContext, TraceFlags

from telemetry.testing import EventReceiver, OTLPReceiver, assert_nothing_private
from tests.telemetry.testing.senders import RESOURCE, meters_to, tracer_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer

WORD = "planted word/äö-0123456789"


def _name(tracer: Tracer, word: str) -> None:
    tracer.start_span(f"GET {word}").end()


def _attribute(tracer: Tracer, word: str) -> None:
    tracer.start_span("s", attributes={"k": ["x", word]}).end()


def _key(tracer: Tracer, word: str) -> None:
    tracer.start_span("s", attributes={word: 1}).end()


def _event(tracer: Tracer, word: str) -> None:
    span = tracer.start_span("s")
    span.add_event("e", {"k": word})
    span.end()


def _link(tracer: Tracer, word: str) -> None:
    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    tracer.start_span("s", links=[Link(context, {"k": word})]).end()


@pytest.mark.parametrize("send", [_name, _attribute, _key, _event, _link])
def test_it_is_found_in_any_part_of_a_span(
    http_and_grpc: OTLPReceiver, send: Callable[[Tracer, str], None]
) -> None:
    """And named by it; what was not planted is not."""
    with tracer_to(http_and_grpc) as tracer:
        send(tracer, WORD)
    with pytest.raises(AssertionError, match="something private was sent:\n  span '"):
        assert_nothing_private(http_and_grpc, WORD)
    assert_nothing_private(http_and_grpc, "another word")


@pytest.mark.parametrize("before", ["", "a", "ab"])
@pytest.mark.parametrize(
    "encode",
    [str, quote, lambda text: base64.b64encode(text.encode()).decode()],
    ids=["plain", "percent", "base64"],
)
def test_it_is_found_however_it_is_encoded(
    http_and_grpc: OTLPReceiver, before: str, encode: Callable[[str], str]
) -> None:
    """Wherever in the encoded text it begins."""
    with tracer_to(http_and_grpc) as tracer:
        tracer.start_span("s", attributes={"k": encode(f"{before}{WORD}!")}).end()
    with pytest.raises(AssertionError, match="span 's'"):
        assert_nothing_private(http_and_grpc, WORD)


def test_it_is_found_in_logs_and_metrics(http_and_grpc: OTLPReceiver) -> None:
    """Bodies, attributes and resources."""
    loggers = LoggerProvider(RESOURCE, shutdown_on_exit=False)
    exporter = OTLPLogExporter(endpoint=f"{http_and_grpc.url}/v1/logs")
    loggers.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    loggers.get_logger("l").emit(LogRecord(body=f"said {WORD}"))
    loggers.shutdown()
    with pytest.raises(AssertionError, match=r"log of l: .* in body"):
        assert_nothing_private(http_and_grpc, WORD)
    http_and_grpc.clear()
    with meters_to(http_and_grpc) as meters:
        meters.get_meter("m").create_counter("c").add(1, {"k": WORD})
    with pytest.raises(AssertionError, match=r"metric c: .* in k"):
        assert_nothing_private(http_and_grpc, WORD)


def test_it_is_found_in_error_events(errors: EventReceiver) -> None:
    """However deep."""
    client: Any = sentry_sdk.Client(errors.dsn, default_integrations=False)
    client.capture_event({"message": "m", "extra": {"a": [{"b": WORD}]}})
    client.close()
    errors.wait_for(lambda r: r.events)
    with pytest.raises(AssertionError, match=r"event .* in b"):
        assert_nothing_private(errors, WORD)
    assert_nothing_private(errors, "another word")


def test_what_the_rules_would_take_out_is_found(http_and_grpc: OTLPReceiver) -> None:
    """Without being planted: a token by its name, an address by its form."""
    with tracer_to(http_and_grpc) as tracer:
        tracer.start_span("s", attributes={"api_token": "abcdefgh"}).end()
    with pytest.raises(AssertionError, match="span 's': api_token would be redacted"):
        assert_nothing_private(http_and_grpc)
    http_and_grpc.clear()
    with tracer_to(http_and_grpc) as tracer:
        tracer.start_span("s", attributes={"note": "mail to clerk@example.com please"}).end()
    with pytest.raises(AssertionError, match="note would be redacted"):
        assert_nothing_private(http_and_grpc)
    http_and_grpc.clear()
    with tracer_to(http_and_grpc) as tracer:
        tracer.start_span("s", attributes={"api_token": "[REDACTED]", "note": "[REDACTED]"}).end()
    assert_nothing_private(http_and_grpc)


def test_a_long_text_is_searched_to_its_end(http_and_grpc: OTLPReceiver) -> None:
    """That it is longer than what this layer sends is nothing private."""
    with tracer_to(http_and_grpc) as tracer:
        tracer.start_span("s", attributes={"k": "no word " * 2000}).end()
    assert_nothing_private(http_and_grpc)
    with tracer_to(http_and_grpc) as tracer:
        tracer.start_span("s", attributes={"k": "no word " * 2000 + "ann@example.org"}).end()
    with pytest.raises(AssertionError, match="span 's': k would be redacted"):
        assert_nothing_private(http_and_grpc)


def test_an_empty_word_is_refused(http_and_grpc: OTLPReceiver) -> None:
    """It would be found everywhere."""
    with pytest.raises(ValueError, match="an empty word is everywhere"):
        assert_nothing_private(http_and_grpc, "")


def test_a_short_word_is_found_as_it_is(receiver: OTLPReceiver) -> None:
    """Not in base64: a few characters of it are in any text by chance."""
    with tracer_to(receiver) as tracer:
        tracer.start_span("s", attributes={"encoded": base64.b64encode(b"+xyz1+").decode()}).end()
    assert_nothing_private(receiver, "xyz1")
    with tracer_to(receiver) as tracer:
        tracer.start_span("s", attributes={"plain": "of xyz1"}).end()
    with pytest.raises(AssertionError, match="'xyz1' in plain"):
        assert_nothing_private(receiver, "xyz1")
