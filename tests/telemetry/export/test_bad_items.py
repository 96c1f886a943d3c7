"""One bad item of each kind among a hundred: at most one is lost, and it is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from telemetry import failsafe
from telemetry.state import state
from telemetry.testing import OTLPReceiver
from tests.telemetry.export.sending import Sending, sending

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["http/protobuf", "grpc"])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[OTLPReceiver, Sending]]:
    """A receiver and what sends to it, over both protocols; failures are counted, not raised."""
    failsafe.raise_failures(False)
    state.failures.clear()
    grpc = request.param == "grpc"
    with OTLPReceiver(grpc=grpc) as receiver:
        made = {
            "OTEL_EXPORTER_OTLP_PROTOCOL": request.param,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint if grpc else receiver.url,
        }
        with sending(**made) as all_three:
            yield receiver, all_three
    failsafe.raise_failures()
    state.failures.clear()


class Unspeakable:
    """Its own methods fail."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Odd:
    """No type of OTLP, and a text of its own."""

    def __str__(self) -> str:
        return "odd"


# A value, and what should stand there; None where the attribute is left out.
VALUES = {
    "a lone surrogate": ("broken \ud800 text", "broken \\ud800 text"),
    "a nul": ("a\0b", "a\0b"),
    "an integer above 64 bits": (2**70, str(2**70)),
    "an integer below 64 bits": (-(2**63) - 1, str(-(2**63) - 1)),
    "an integer of a million digits": (1 << 3_000_000, "an integer of 3000001 bits"),
    "an object": (Odd(), "odd"),
    "an object that fails": (Unspeakable(), None),
    "bytes that are no text": (b"\xff\xfe", b"\xff\xfe"),
    "a list of everything": ([1, "\udfff", None, 2.5], (1, "\\udfff", None, 2.5)),
    "a dict": ({"a": {"b": 2**80}}, {"a": {"b": str(2**80)}}),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_log_record_with_an_odd_value(both: tuple[OTLPReceiver, Sending], kind: str) -> None:
    """As its body and as an attribute. Log records may have values of any type."""
    receiver, all_three = both
    value, wanted = VALUES[kind]
    for number in range(100):
        if number != 50:
            all_three.log(str(number))
        elif wanted is None:
            # As an attribute, the SDK itself raises.
            all_three.log(value, even=1)
        else:
            all_three.log(value, odd=value, even=1)
    assert all_three.flush()
    logs = receiver.logs
    assert len(logs) == 100
    attributes = dict(logs[50].attributes)
    assert attributes.pop("even") == 1
    if wanted is None:
        assert logs[50].body is None
        assert state.failures == {"export.attribute": 1}
    else:
        found = attributes["odd"]
        assert (tuple(found) if isinstance(found, list) else found) == wanted
        assert not state.failures


TEXTS: dict[str, dict[str, Any]] = {
    "name": {"name": "broken \ud800"},
    "attribute": {"attributes": {"odd": "broken \ud800"}},
    "key": {"attributes": {"broken \ud800": "odd"}},
    "a long integer": {"attributes": {"odd": 2**70}},
    "a negative time": {"start_time": -5, "end_time": -1},
    "a time above 64 bits": {"end_time": 2**70},
    "no time": {"start_time": None, "end_time": None},
    "a number for a name": {"name": 5},
    "a key that is no text": {"attributes": {5: "odd"}},
}
LOST = {"a number for a name"}


@pytest.mark.parametrize("kind", TEXTS)
def test_an_odd_span(both: tuple[OTLPReceiver, Sending], kind: str) -> None:
    """It arrives, escaped or without the part that can't be sent; or it costs itself."""
    receiver, all_three = both
    for number in range(100):
        if number == 50:
            all_three.ended(odd_span(**TEXTS[kind]))
        else:
            all_three.span(str(number))
    assert all_three.flush()
    lost = int(kind in LOST)
    assert len(receiver.spans) == 100 - lost
    found = all_three.of("traces")
    assert (found.accepted, found.delivered, found.failed) == (100, 100 - lost, lost)
    if lost:
        assert found.reasons.total() == 1
        assert state.failures["export.encoding"] == 1
    elif kind in ("name", "attribute", "key"):
        assert "broken \\ud800" in repr(receiver.spans).replace("\\\\", "\\")


def test_a_span_that_is_not_sampled_is_not_sent(both: tuple[OTLPReceiver, Sending]) -> None:
    """A sampler may have it recorded all the same. It is not counted as lost."""
    receiver, all_three = both
    all_three.ended(odd_span(context=SpanContext(1, 2, is_remote=False)))
    all_three.ended(odd_span(context=None))
    all_three.span("sampled")
    assert all_three.flush()
    assert [span.name for span in receiver.spans] == ["sampled"]
    assert (all_three.of("traces").accepted, all_three.of("traces").failed) == (1, 0)


def odd_span(**instead: Any) -> ReadableSpan:
    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    made: dict[str, Any] = {
        "name": "odd",
        "context": context,
        "resource": Resource({}),
        "kind": SpanKind.INTERNAL,
        "start_time": 1,
        "end_time": 2,
        **instead,
    }
    return ReadableSpan(**made)


@pytest.mark.parametrize("kind", ["gauge", "counter", "histogram", "attribute"])
def test_an_odd_instrument(both: tuple[OTLPReceiver, Sending], kind: str) -> None:
    """It costs its own series, and the others of the same instrument arrive."""
    receiver, all_three = both
    for number in range(50):
        all_three.meter.create_counter(f"good_{number}").add(1)
    if kind == "gauge":
        gauge = all_three.meter.create_gauge("odd")
        gauge.set(True, {"series": "bad"})
        gauge.set(5, {"series": "good"})
    elif kind == "counter":
        counter = all_three.meter.create_counter("odd")
        counter.add(2**70, {"series": "huge"})
        counter.add(5, {"series": "good"})
    elif kind == "histogram":
        histogram = all_three.meter.create_histogram("odd")
        histogram.record(True, {"series": "one"})
        histogram.record(5, {"series": "good"})
    else:
        all_three.meter.create_counter("odd").add(5, {"series": "good \ud800"})
    assert all_three.flush()
    points = [point for point in receiver.metrics if point.name.startswith(("good", "odd"))]
    assert len([point for point in points if point.name.startswith("good")]) == 50
    series = {point.attributes["series"] for point in points if point.name == "odd"}
    assert (
        series
        == {
            "gauge": {"good"},
            "counter": {"good", "huge"},
            "histogram": {"good", "one"},
            "attribute": {"good \\ud800"},
        }[kind]
    )
    failed = int(kind == "gauge")
    assert all_three.of("metrics").failed == failed
    assert state.failures["export.encoding"] == failed
