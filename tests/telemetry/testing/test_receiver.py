"""The receiver against the exporters that it has to stand in front of."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression

from telemetry.testing import OTLPReceiver, ReceivedEvent, ReceivedLink
from tests.telemetry.testing.senders import meters_to, send_log, send_span, tracer_to


@pytest.mark.parametrize("grpc", [False, True], ids=["http", "grpc"])
def test_a_span_arrives_whole(http_and_grpc: OTLPReceiver, grpc: bool) -> None:
    """Every field of a span is decoded to plain Python."""
    with tracer_to(http_and_grpc, grpc=grpc) as tracer:
        send_span(tracer)
    [span] = http_and_grpc.spans
    assert span.name == "GET /thing"
    assert span.kind == "SERVER"
    assert span.trace_id == f"{3:032x}"
    assert span.parent_span_id == f"{4:016x}"
    assert len(span.span_id) == 16
    assert span.attributes == {
        "text": "a",
        "whole": 1,
        "part": 0.5,
        "yes": True,
        "many": ["a", "b"],
    }
    assert [(event.name, event.attributes) for event in span.events] == [("happened", {"n": 1})]
    assert isinstance(span.events[0], ReceivedEvent)
    assert span.links == (ReceivedLink(f"{1:032x}", f"{2:016x}", {"why": "linked"}),)
    assert (span.status, span.status_message) == ("ERROR", "broke")
    assert 0 < span.start_ns < span.end_ns
    assert span.trace_state == "vendor=kept"
    # The parent is remote, and that is known. The SDK omits the sampled bit.
    assert span.flags == 0x300
    assert span.scope == "tests.tracer"
    assert span.schema_url == "https://example.org/schema/1"
    assert span.resource == {"service.name": "sender"}
    assert 100 < span.size < http_and_grpc.requests[0].decoded_size


def test_a_root_span_has_an_empty_parent(receiver: OTLPReceiver) -> None:
    """Empty, not a string of zeros."""
    with tracer_to(receiver) as tracer:
        tracer.start_span("root").end()
    [span] = receiver.spans
    assert (span.parent_span_id, span.status, span.kind) == ("", "UNSET", "INTERNAL")


@pytest.mark.parametrize("compression", list(Compression))
def test_every_compression_of_the_exporter_is_read(
    receiver: OTLPReceiver, compression: Compression
) -> None:
    """Requests tell wire size from decoded size, and the encoding from the headers."""
    with tracer_to(receiver, compression=compression) as tracer:
        tracer.start_span("long", attributes={"text": "a" * 2000}).end()
    [span] = receiver.spans
    [request] = receiver.requests
    assert span.attributes["text"] == "a" * 2000
    assert (request.path, request.status) == ("/v1/traces", 200)
    assert request.headers["content-type"] == "application/x-protobuf"
    compressed = compression is not Compression.NoCompression
    assert (request.size < request.decoded_size) is compressed
    assert request.decoded_size > 2000


@pytest.mark.parametrize("grpc", [False, True], ids=["http", "grpc"])
def test_metric_points_arrive_whole(http_and_grpc: OTLPReceiver, grpc: bool) -> None:
    """Sums, gauges and both histograms, with their exemplars."""
    with meters_to(http_and_grpc, grpc=grpc) as provider, tracer_to(http_and_grpc) as tracer:
        meter = provider.get_meter("tests.meter")
        plain = meter.create_histogram("plain", unit="s", description="A duration.")
        with tracer.start_as_current_span("exemplary") as span:
            trace_id = f"{span.get_span_context().trace_id:032x}"
            plain.record(0.5, {"route": "/"})
            plain.record(5.0, {"route": "/"})
        exponential = meter.create_histogram("exponential")
        exponential.record(3.0)
        exponential.record(0.0)
        meter.create_counter("requests").add(2)
        meter.create_up_down_counter("open").add(-1)
        meter.create_gauge("level").set(0.25)
    points = {point.name: point for point in http_and_grpc.metrics}

    histogram = points["plain"]
    assert (histogram.type, histogram.unit, histogram.description) == (
        "histogram",
        "s",
        "A duration.",
    )
    assert histogram.temporality == "cumulative"
    assert histogram.attributes == {"route": "/"}
    assert (histogram.count, histogram.sum, histogram.value) == (2, 5.5, None)
    assert histogram.buckets == ((1.0, 1), (2.0, 0), (math.inf, 1))
    assert set(histogram.exemplar_trace_ids) == {trace_id}
    assert (histogram.scope, histogram.resource) == ("tests.meter", {"service.name": "sender"})
    assert 0 < histogram.start_ns <= histogram.time_ns

    # At scale 0 the bucket that holds 3 ends at 4.
    assert points["exponential"].type == "exponential_histogram"
    assert [bucket for bucket in points["exponential"].buckets if bucket[1]] == [(0, 1), (4, 1)]
    assert (points["requests"].type, points["requests"].value) == ("sum", 2)
    assert (points["requests"].monotonic, points["open"].monotonic) == (True, False)
    assert points["open"].value == -1
    assert (points["level"].type, points["level"].value) == ("gauge", 0.25)
    assert points["level"].temporality == ""


@pytest.mark.parametrize("grpc", [False, True], ids=["http", "grpc"])
def test_a_log_record_arrives_whole(http_and_grpc: OTLPReceiver, grpc: bool) -> None:
    """A structured body keeps its shape, and the record its span."""
    send_log(http_and_grpc, grpc=grpc)
    [log] = http_and_grpc.logs
    assert log.body == {"message": "hot", "degrees": [40, 41.5]}
    assert (log.severity_text, log.severity_number) == ("WARN", 13)
    assert log.attributes == {"room": "attic"}
    assert (log.trace_id, log.span_id) == (f"{5:032x}", f"{6:016x}")
    assert (log.event_name, log.time_ns, log.scope) == ("room.heated", 1_000, "tests.logger")
    assert log.resource == {"service.name": "sender"}


def test_grpc_has_to_be_asked_for(receiver: OTLPReceiver) -> None:
    """The mistake is named before a connection is refused."""
    with pytest.raises(RuntimeError, match="grpc=True"):
        _ = receiver.grpc_endpoint


def test_importing_it_loads_no_framework_and_no_grpc() -> None:
    """It serves benchmarks and applications that have none of them."""
    code = (
        "import sys, telemetry.testing;"
        "vendors = ('django', 'datasette', 'grpc', 'logfire', 'sentry_sdk');"
        "print([m for m in vendors if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert found.stdout.strip() == "[]"
