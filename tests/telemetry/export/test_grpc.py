"""What becomes of items, whatever a backend over gRPC answers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as PackedAny
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from telemetry.testing import OTLPReceiver
from tests.support.processes import free_port
from tests.telemetry.export.sending import Sending, sending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


class OddService:
    """A trace service that answers what `reply` gives, for the names of the spans."""

    def __init__(
        self,
        credentials: grpc.ServerCredentials | None = None,
        options: tuple[tuple[str, int], ...] = (),
    ) -> None:
        self.requests: list[list[str]] = []
        self.times: list[float] = []
        self.metadata: list[dict[str, Any]] = []
        self.reply: Callable[[list[str], grpc.ServicerContext], bytes] = lambda *_: b""
        self._threads = ThreadPoolExecutor(4)
        self._server = grpc.server(self._threads, options=options)
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            self._export
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {"Export": handler}),)
        )
        self.address = f"127.0.0.1:{free_port()}"
        if credentials is None:
            self._server.add_insecure_port(self.address)
        else:
            self._server.add_secure_port(self.address, credentials)
        self._server.start()

    def _export(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        message = ExportTraceServiceRequest.FromString(body)
        names = [
            span.name
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        self.requests.append(names)
        self.times.append(time.monotonic())
        self.metadata.append({str(k): v for k, v in context.invocation_metadata()})
        return self.reply(names, context)

    def close(self) -> None:
        self._server.stop(None).wait()
        self._threads.shutdown()


@pytest.fixture
def service() -> Iterator[OddService]:
    made = OddService()
    yield made
    made.close()


def traces_to(endpoint: str, **more: str) -> Any:
    return sending(
        **{
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": endpoint,
            **more,
        }
    )


@pytest.fixture
def traces(service: OddService) -> Iterator[Sending]:
    with traces_to(f"http://{service.address}") as made:
        yield made


def refuse(code: grpc.StatusCode, details: str = "") -> Any:
    def reply(_names: list[str], context: grpc.ServicerContext) -> bytes:
        context.set_code(code)
        context.set_details(details)
        return b""

    return reply


RETRIED = ("CANCELLED", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "OUT_OF_RANGE")


@pytest.mark.parametrize("code", [*RETRIED, "UNAVAILABLE", "DATA_LOSS"])
def test_grpc_what_a_backend_cannot_take_now_is_kept(
    service: OddService, traces: Sending, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By the specification's list."""
    service.reply = refuse(grpc.StatusCode[code], "busy")
    traces.span("one")
    traces.attempt(3, service.requests)
    service.reply = lambda *_: b""
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed) == (1, 0)
    assert found.retried == len(service.requests) - 1
    first, last = [record.getMessage() for record in caplog.records if record.name == "telemetry"]
    assert f"{code}: busy. They are kept" in first
    assert "delivered again" in last


@pytest.mark.parametrize(
    "code", ["INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "UNKNOWN"]
)
def test_grpc_a_refused_batch_is_dropped_and_counted(
    service: OddService, traces: Sending, code: str
) -> None:
    """It is sent once."""
    service.reply = refuse(grpc.StatusCode[code])
    traces.span("one")
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed, len(service.requests)) == (0, 1, 1)
    assert found.reasons == {code: 1}


def test_the_codes_that_are_retried_can_be_chosen(service: OddService) -> None:
    """By OpenTelemetry's own variable."""
    variable = "OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES"
    with traces_to(f"http://{service.address}", **{variable: "internal, UNKNOWN"}) as traces:
        service.reply = refuse(grpc.StatusCode.INTERNAL)
        traces.span("one")
        traces.attempt(2, service.requests)
        service.reply = refuse(grpc.StatusCode.UNAVAILABLE)
        assert traces.flush()
        assert traces.of("traces").reasons == {"UNAVAILABLE": 1}


def test_grpc_a_pause_that_is_asked_for_is_made(service: OddService, traces: Sending) -> None:
    """`RetryInfo`, within the details of the status, as the specification has it."""
    info = PackedAny()
    info.Pack(RetryInfo(retry_delay=Duration(seconds=2)))
    code, _ = grpc.StatusCode.UNAVAILABLE.value
    details = Status(code=code, details=[info]).SerializeToString()

    def reply(_names: list[str], context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.set_code(grpc.StatusCode.UNAVAILABLE)
        return b""

    service.reply = reply
    traces.span("one")
    assert not traces.flush(1.0)
    assert len(service.requests) == 1
    service.reply = lambda *_: b""
    assert traces.flush(60)
    assert service.times[1] - service.times[0] >= 1.9


def _packed(message: Any) -> PackedAny:
    packed = PackedAny()
    packed.Pack(message)
    return packed


def _details(*details: PackedAny) -> bytes:
    code, _ = grpc.StatusCode.UNAVAILABLE.value
    encoded: bytes = Status(code=code, details=details).SerializeToString()
    return encoded


# What a backend or a proxy may add to a status that has no pause in it.
NO_PAUSE: dict[str, tuple[tuple[str, str | bytes], ...]] = {
    "no metadata": (),
    "other metadata": (("x-proxy", "planted"),),
    "no details": (("grpc-status-details-bin", _details()),),
    "other details": (
        ("x-proxy", "planted"),
        ("grpc-status-details-bin", _details(_packed(Duration(seconds=3600)))),
    ),
    "garbage": (("grpc-status-details-bin", b"\xff\xff"),),
}


@pytest.mark.parametrize("metadata", NO_PAUSE.values(), ids=NO_PAUSE)
def test_grpc_without_a_pause_that_is_asked_for_a_flush_tries_again(
    service: OddService, traces: Sending, metadata: tuple[tuple[str, str | bytes], ...]
) -> None:
    """Whatever else is in the status; the spans are kept until they are accepted."""

    def reply(_names: list[str], context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata(metadata)
        context.set_code(grpc.StatusCode.UNAVAILABLE)
        return b""

    service.reply = reply
    traces.span("one")
    traces.attempt(2, service.requests)
    service.reply = lambda *_: b""
    assert traces.flush()
    assert (traces.of("traces").delivered, traces.of("traces").failed) == (1, 0)


def test_grpc_a_pause_is_found_among_other_details(service: OddService, traces: Sending) -> None:
    """A flush that would end before it gives up at once."""
    info = _packed(RetryInfo(retry_delay=Duration(seconds=3600)))
    details = _details(_packed(Duration(seconds=0)), info)

    def reply(_names: list[str], context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.set_code(grpc.StatusCode.UNAVAILABLE)
        return b""

    service.reply = reply
    traces.span("one")
    assert not traces.flush(60)
    assert not traces.flush(60)
    assert len(service.requests) == 1


def test_grpc_what_is_rejected_is_not_delivered(service: OddService, traces: Sending) -> None:
    """A partial success."""
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = 2
    service.reply = lambda *_: response.SerializeToString()
    for number in range(5):
        traces.span(str(number))
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed) == (3, 2)


def test_grpc_a_batch_that_is_too_large_is_split() -> None:
    """A receiver's limit of a message, which gRPC itself reports."""
    service = OddService(options=(("grpc.max_receive_message_length", 20_000),))
    try:
        address, length = f"http://{service.address}", "32768"
        with traces_to(address, TELEMETRY_TEXT_LENGTH_LIMIT=length) as traces:
            for number in range(40):
                traces.span(str(number), text="x" * (25_000 if number == 3 else 1000))
            assert traces.flush()
            found = traces.of("traces")
            assert (found.delivered, found.reasons) == (39, {"RESOURCE_EXHAUSTED": 1})
            arrived = sorted(name for names in service.requests for name in names)
            assert arrived == sorted(str(number) for number in range(40) if number != 3)
    finally:
        service.close()


def test_an_address_without_a_scheme(service: OddService) -> None:
    """Is reached without TLS where OTEL_EXPORTER_OTLP_INSECURE says so, and with it otherwise."""
    with traces_to(service.address, OTEL_EXPORTER_OTLP_TRACES_INSECURE="true") as traces:
        traces.span("one")
        assert traces.flush()
        assert service.requests == [["one"]]
    with traces_to(service.address) as traces:
        traces.span("two")
        assert not traces.flush(1.0)
    assert service.requests == [["one"]]


def test_the_scheme_of_an_address_takes_precedence(service: OddService) -> None:
    """OTEL_EXPORTER_OTLP_INSECURE is for an address that has none, by the specification."""
    with traces_to(f"http://{service.address}", OTEL_EXPORTER_OTLP_INSECURE="false") as traces:
        traces.span("one")
        assert traces.flush()
    with traces_to(f"https://{service.address}", OTEL_EXPORTER_OTLP_INSECURE="true") as traces:
        traces.span("two")
        assert not traces.flush(1.0)
    assert service.requests == [["one"]]


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_headers_and_compression(compression: str) -> None:
    """Metadata as configured, for all three signals."""
    with OTLPReceiver(grpc=True) as receiver:
        made = {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.grpc_endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": "X-Token=sesame",
            "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
        }
        with sending(**made) as all_three:
            all_three.span("one", text="x" * 9999)
            all_three.log("two")
            all_three.meter.create_counter("three").add(1)
            assert all_three.flush()
        assert {request.headers["x-token"] for request in receiver.requests} == {"sesame"}
        assert len(receiver.requests) == 3
        assert [span.name for span in receiver.spans] == ["one"]
        assert [record.body for record in receiver.logs] == ["two"]
        assert "three" in {point.name for point in receiver.metrics}


def test_a_server_that_comes_back_is_reached_at_once(traces: Sending, service: OddService) -> None:
    """gRPC itself would wait for up to two minutes."""
    port = int(service.address.rpartition(":")[2])
    traces.span("one")
    assert traces.flush()
    service.close()
    traces.span("two")
    for _ in range(8):
        assert not traces.flush(0.3)
    with OTLPReceiver(grpc=True, grpc_port=port) as receiver:
        assert traces.flush(30)
        assert [span.name for span in receiver.spans] == ["two"]
