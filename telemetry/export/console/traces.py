"""Ended spans, gathered by trace until the local root has ended. Bounded."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

MAX_TRACES = 200
MAX_SPANS = 2000


@dataclass(slots=True)
class Trace:
    """The spans of one trace that have ended, and how many there was no room for."""

    spans: list[ReadableSpan] = field(default_factory=list)
    left_out: int = 0

    def add(self, span: ReadableSpan) -> None:
        """Keep a span, or count it."""
        if len(self.spans) < MAX_SPANS:
            self.spans.append(span)
        else:
            self.left_out += 1


class Traces:
    """Holds traces until their root arrives; the oldest goes where there are too many."""

    def __init__(self) -> None:
        self._traces: OrderedDict[int, Trace] = OrderedDict()
        self._lock = Lock()

    def add(self, span: ReadableSpan) -> Trace | None:
        """Add a span; the whole trace, if this was its local root."""
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
