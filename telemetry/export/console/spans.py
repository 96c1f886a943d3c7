"""Span exporter for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from telemetry.export.console.traces import Traces
from telemetry.export.console.tree import render
from telemetry.registry.datasette import QUERY, SCOPE
from telemetry.settings import variables as v
from telemetry.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.settings.model import ConsoleMode


class ConsoleSpanExporter(SpanExporter):
    """Prints each request as a tree when its local root span ends.

    Args:
        mode: ``tree``, ``compact`` (one line) or ``off``.
        color: Whether to use colours on a terminal.
        trace_url: Address of a page that shows a trace, with the placeholder ``{trace_id}``.
            It is printed with each tree.
        stream: Where to print. Standard error by default.
    """

    def __init__(
        self,
        mode: ConsoleMode = v.CONSOLE.default,
        *,
        color: bool = True,
        trace_url: str | None = None,
        stream: TextIO | None = None,
    ) -> None:
        self._mode = mode
        self._terminal = Terminal(stream, color=color)
        self._trace_url = trace_url
        self._traces = Traces()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep the spans of a trace until its local root has ended, then print them."""
        if self._mode == "off":
            return SpanExportResult.SUCCESS
        for span in spans:
            trace = self._traces.add(span)
            if trace is not None and not _is_aside(span):
                compact = self._mode == "compact"
                lines = render(trace, self._terminal, compact=compact, trace_url=self._trace_url)
                self._terminal.write(lines)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: no resource is open."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return True: the spans that are kept belong to traces whose root has not ended."""
        return True


def _is_aside(root: ReadableSpan) -> bool:
    """Whether the trace is one query that its request did not wait for.

    These are not printed: a page that fails leaves dozens of them.
    """
    scope = root.instrumentation_scope
    is_query = root.name == QUERY and scope is not None and scope.name == SCOPE
    failed = root.status.status_code is StatusCode.ERROR
    return is_query and bool(root.links) and not failed
