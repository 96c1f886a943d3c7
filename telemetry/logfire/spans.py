"""What Logfire's pages show of a span, added to copies on their way there and nowhere else.

As its own SDK adds them (logfire 5.2, ``_internal/exporters/processor_wrapper.py``
and ``_internal/tracer.py``), so that a page looks the same by whichever way it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from telemetry.processors.amended import AmendedSpan
from telemetry.registry import attributes as a

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExportResult

# OpenTelemetry's severity numbers.
_WARNING = 13
_ERROR = 17


class LogfireSpans(SpanExporter):
    """Another exporter, whose spans have Logfire's message, level and type."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export copies."""
        return self._exporter.export([AmendedSpan(span, shown(span)) for span in spans])

    def shutdown(self) -> None:
        """The other exporter's."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """The other exporter's."""
        return self._exporter.force_flush(timeout_millis)


def shown(span: ReadableSpan) -> dict[str, Any]:
    """What a span lacks of Logfire's attributes; one of Logfire's own functions' lacks little."""
    attributes = span.attributes or {}
    added: dict[str, Any] = {}
    if a.LOGFIRE_TYPE not in attributes:
        added[a.LOGFIRE_TYPE] = "span"
    if a.LOGFIRE_MESSAGE not in attributes:
        added[a.LOGFIRE_MESSAGE] = _message(span.name, attributes)
    if a.LOGFIRE_LEVEL not in attributes:
        level = _level(span, attributes.get(a.HTTP_RESPONSE_STATUS_CODE))
        if level is not None:
            added[a.LOGFIRE_LEVEL] = level
    return added


def _message(name: str, attributes: Mapping[str, Any]) -> str:
    """The name; of a request, its path in place of the route."""
    method, path = attributes.get(a.HTTP_REQUEST_METHOD), attributes.get(a.URL_PATH)
    if not (method and path):
        return name
    names = (method, path, f"{method} {path}", f"{method} {attributes.get(a.HTTP_ROUTE)}")
    return f"{method} {path}" if name in names else name


def _level(span: ReadableSpan, status: object) -> int | None:
    if span.status.status_code is StatusCode.ERROR:
        return _ERROR
    if span.kind is SpanKind.SERVER and isinstance(status, int) and status >= 400:
        return _ERROR if status >= 500 else _WARNING
    return None
