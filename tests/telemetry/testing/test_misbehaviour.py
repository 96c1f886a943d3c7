"""A backend that refuses, fails or dawdles, as an exporter meets it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)

from tests.support import web
from tests.telemetry.testing.senders import tracer_to

if TYPE_CHECKING:
    from telemetry.testing import OTLPReceiver

PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/json"}, b"{}"),
        (PROTOBUF, b"not protobuf"),
        (PROTOBUF | {"Content-Encoding": "gzip"}, b"not gzip"),
        (PROTOBUF | {"Content-Encoding": "br"}, b""),
    ],
    ids=["content-type", "payload", "compression", "encoding"],
)
def test_what_is_not_otlp_is_refused(
    receiver: OTLPReceiver, headers: dict[str, str], body: bytes
) -> None:
    """400, recorded as a request; the connection stays usable."""
    with web.client(base_url=receiver.url) as client:
        assert client.post("/v1/logs", headers=headers, content=body).status_code == 400
        assert client.post("/v1/logs", headers=PROTOBUF).status_code == 200
        assert client.post("/v1/nothing", headers=PROTOBUF).status_code == 404
    assert [request.status for request in receiver.requests] == [400, 200]
    assert receiver.logs == []


@pytest.mark.parametrize("grpc", [False, True], ids=["http", "grpc"])
def test_a_failing_backend_is_seen_but_keeps_nothing(
    http_and_grpc: OTLPReceiver, grpc: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A refused payload is a request and no span; `answer(200)` mends it."""
    http_and_grpc.answer(400, message="no thanks")
    with tracer_to(http_and_grpc, grpc=grpc) as tracer:
        tracer.start_span("lost").end()
        assert caplog.records, "the exporter is expected to complain"
        http_and_grpc.answer(200)
        tracer.start_span("kept").end()
    assert [request.status for request in http_and_grpc.requests] == [400, 200]
    assert [span.name for span in http_and_grpc.spans] == ["kept"]


@pytest.mark.parametrize("grpc", [False, True], ids=["http", "grpc"])
def test_an_unavailable_backend_is_retried(http_and_grpc: OTLPReceiver, grpc: bool) -> None:
    """503 is an answer that the exporter understands as "later", over gRPC too."""
    http_and_grpc.answer(503)
    with tracer_to(http_and_grpc, grpc=grpc) as tracer:
        sender = threading.Thread(target=lambda: tracer.start_span("late").end())
        sender.start()
        http_and_grpc.wait_for(lambda r: r.requests)
        http_and_grpc.answer(200)
        sender.join()
    assert [request.status for request in http_and_grpc.requests] == [503, 200]
    assert [span.name for span in http_and_grpc.spans] == ["late"]


@pytest.mark.parametrize("grpc", [False, True], ids=["http", "grpc"])
def test_a_slow_backend_answers_late(http_and_grpc: OTLPReceiver, grpc: bool) -> None:
    """The sender waits for `delay`, while what it sent is already visible."""
    http_and_grpc.answer(200, delay=0.3)
    began = time.monotonic()
    with tracer_to(http_and_grpc, grpc=grpc) as tracer:
        tracer.start_span("slow").end()
        assert time.monotonic() - began >= 0.3


def test_rejected_items_are_reported_to_the_sender(receiver: OTLPReceiver) -> None:
    """A partial success: status 200, and the response counts what was refused."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceResponse,
    )

    receiver.answer(200, rejected=3, message="quota")
    reply = web.post(f"{receiver.url}/v1/traces", headers=PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(reply.content).partial_success
    assert (partial.rejected_spans, partial.error_message) == (3, "quota")


def test_a_metric_without_data_has_no_points(receiver: OTLPReceiver) -> None:
    """It is OTLP and accepted; the points of other metrics in the request are read."""
    one = Metric(name="one", gauge=Gauge(data_points=[NumberDataPoint(as_int=7)]))
    scoped = ScopeMetrics(metrics=[Metric(name="empty"), one])
    request = ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(scope_metrics=[scoped])]
    )
    with web.client(base_url=receiver.url) as client:
        body = request.SerializeToString()
        assert client.post("/v1/metrics", headers=PROTOBUF, content=body).status_code == 200
    assert [(point.name, point.value) for point in receiver.metrics] == [("one", 7)]
