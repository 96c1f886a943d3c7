"""Groups ended spans by trace until the local root has ended. The number of spans is bounded."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from telemetry.forks import renew_in_children

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

MAX_TRACES = 200
MAX_SPANS = 2000


@dataclass(slots=True)
class Trace:
    """The ended spans of one trace, and the number of spans above the limit."""

    spans: list[ReadableSpan] = field(default_factory=list)
    left_out: int = 0

    def add(self, span: ReadableSpan) -> None:
        """Keep a span, or count it where there are already `MAX_SPANS`."""
        if len(self.spans) < MAX_SPANS:
            self.spans.append(span)
        else:
            self.left_out += 1


class Traces:
    """Keeps traces until their local root ends. Above `MAX_TRACES`, the oldest is discarded."""

    def __init__(self) -> None:
        self._traces: OrderedDict[int, Trace] = OrderedDict()
        self._lock = Lock()
        renew_in_children(self, "_lock")

    def add(self, span: ReadableSpan) -> Trace | None:
        """Add a span. Returns the whole trace if the span is its local root, otherwise None."""
        context = span.get_span_context()
        if context is None:
            return None
        with self._lock:
            trace = self._traces.setdefault(context.trace_id, Trace())
            trace.add(span)
            if span.parent is None or span.parent.is_remote:
                return self._traces.pop(context.trace_id)
            if len(self._traces) > MAX_TRACES:
                self._traces.popitem(last=False)
            return None
