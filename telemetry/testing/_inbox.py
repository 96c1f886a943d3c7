"""Storage and responses of an OTLP receiver, for both transports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceResponse,
)

from telemetry.export.decoding import MESSAGES
from telemetry.testing._arrivals import Arrivals
from telemetry.testing._items import logs, points, spans
from telemetry.testing.received import ReceivedLog, ReceivedPoint, ReceivedRequest, ReceivedSpan

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Answer:
    """Response to exports: HTTP status, delay in seconds, number of rejected items, message."""

    status: int = 200
    delay: float = 0.0
    rejected: int = 0
    message: str = ""

    def body(self, signal: str) -> bytes:
        """Encode the export response. In OTLP, an empty one means full success."""
        if not self.rejected and not self.message:
            return b""
        why = self.message
        if signal == "traces":
            traces = ExportTraceServiceResponse()
            traces.partial_success.rejected_spans = self.rejected
            traces.partial_success.error_message = why
            return traces.SerializeToString()
        if signal == "metrics":
            metrics = ExportMetricsServiceResponse()
            metrics.partial_success.rejected_data_points = self.rejected
            metrics.partial_success.error_message = why
            return metrics.SerializeToString()
        records = ExportLogsServiceResponse()
        records.partial_success.rejected_log_records = self.rejected
        records.partial_success.error_message = why
        return records.SerializeToString()


@dataclass
class Inbox(Arrivals):
    """Thread-safe store of requests and accepted payloads.

    A payload is parsed on arrival, in C, only to refuse what is not OTLP. The
    bytes are converted to dataclasses when they are read, so that a
    benchmark that never reads them does not pay for it.
    """

    answer: Answer = field(default_factory=Answer)
    payloads: list[bytes] = field(default_factory=list)
    _undecoded: list[tuple[str, bytes]] = field(default_factory=list)
    _spans: list[ReceivedSpan] = field(default_factory=list)
    _points: list[ReceivedPoint] = field(default_factory=list)
    _logs: list[ReceivedLog] = field(default_factory=list)

    def take(
        self, signal: str, path: str, headers: Mapping[str, str], payload: bytes | None, size: int
    ) -> Answer:
        """Record one export and return the response. A payload of None is unreadable."""
        answer = self.answer if payload is not None and _is_otlp(signal, payload) else Answer(400)
        decoded_size = size if payload is None else len(payload)
        with self._changed:
            self._requests.append(
                ReceivedRequest(path, dict(headers), size, decoded_size, answer.status)
            )
            if payload is not None and answer.status < 300:
                self.payloads.append(payload)
                self._undecoded.append((signal, payload))
            self._changed.notify_all()
        self.dawdle(answer.delay)
        return answer

    def spans(self) -> list[ReceivedSpan]:
        with self._changed:
            self._decode()
            return list(self._spans)

    def points(self) -> list[ReceivedPoint]:
        with self._changed:
            self._decode()
            return list(self._points)

    def logs(self) -> list[ReceivedLog]:
        with self._changed:
            self._decode()
            return list(self._logs)

    def clear(self) -> None:
        with self._changed:
            kept: tuple[list[Any], ...] = (self._requests, self.payloads, self._undecoded)
            for each in (*kept, self._spans, self._points, self._logs):
                each.clear()

    def _decode(self) -> None:
        for signal, payload in self._undecoded:
            if signal == "traces":
                self._spans.extend(spans(MESSAGES[signal].FromString(payload)))
            elif signal == "metrics":
                self._points.extend(points(MESSAGES[signal].FromString(payload)))
            else:
                self._logs.extend(logs(MESSAGES[signal].FromString(payload)))
        self._undecoded.clear()


def _is_otlp(signal: str, payload: bytes) -> bool:
    try:
        MESSAGES[signal].FromString(payload)
    except DecodeError:
        return False
    return True
