"""Server side of OTLP over gRPC. Imported only on request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry.testing._inbox import Inbox

SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}

# The gRPC code for an HTTP status, so that one `answer()` serves both transports.
CODES: Mapping[int, grpc.StatusCode] = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.UNIMPLEMENTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    502: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}


class GRPCServer:
    """The three OTLP services on one port."""

    def __init__(self, host: str, port: int, inbox: Inbox) -> None:
        self._threads = ThreadPoolExecutor(max_workers=4)
        # Without this option, two receivers could share a port without an error.
        self._server = grpc.server(self._threads, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers(
            tuple(_handler(signal, service, inbox) for signal, service in SERVICES.items())
        )
        self.port = self._server.add_insecure_port(f"{host}:{port}")
        self._server.start()

    def close(self) -> None:
        self._server.stop(grace=None).wait()
        self._threads.shutdown()


def _handler(signal: str, service: str, inbox: Inbox) -> grpc.GenericRpcHandler:
    # No (de)serialisers: the inbox takes bytes, as over HTTP.
    export = _export(signal, f"/{service}/Export", inbox)
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(export)
    return grpc.method_handlers_generic_handler(service, {"Export": method})


def _export(signal: str, path: str, inbox: Inbox) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def export(payload: bytes, context: grpc.ServicerContext) -> bytes:
        headers = {
            key: value.decode("latin-1") if isinstance(value, bytes) else value
            for key, value in context.invocation_metadata()
        }
        answer = inbox.take(signal, path, headers, payload, len(payload))
        if answer.status < 300:
            return answer.body(signal)
        context.set_code(CODES.get(answer.status, grpc.StatusCode.UNKNOWN))
        context.set_details(answer.message)
        return b""

    return export
