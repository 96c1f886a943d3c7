"""Ended spans, which can't be changed any more: their copies, and how long they took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from opentelemetry.trace import SpanContext


class SpanCopy(ReadableSpan):
    """A copy of an ended span, which can't be changed any more itself.

    Args:
        span: the span.
        extra: attributes that it has besides.
        context: the one it has instead.
        **instead: other arguments of `ReadableSpan`: ``name``, ``attributes``, ``events``, ...
    """

    def __init__(
        self,
        span: ReadableSpan,
        extra: Mapping[str, Any] | None = None,
        context: SpanContext | None = None,
        **instead: Any,
    ) -> None:
        told: dict[str, Any] = {
            "name": span.name,
            "context": context or span.get_span_context(),
            "parent": span.parent,
            "resource": span.resource,
            "attributes": span.attributes or {},
            "events": span.events,
            "links": span.links,
            "kind": span.kind,
            "status": span.status,
            "start_time": span.start_time,
            "end_time": span.end_time,
            "instrumentation_scope": span.instrumentation_scope,
            **instead,
        }
        if extra:
            told["attributes"] = {**told["attributes"], **extra}
        super().__init__(**told)
        self._dropped = span.dropped_attributes, span.dropped_events, span.dropped_links

    @property
    def dropped_attributes(self) -> int:
        """How many the span had no room for."""
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        """How many the span had no room for."""
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        """How many the span had no room for."""
        return self._dropped[2]


def duration(span: ReadableSpan) -> int:
    """Nanoseconds from its start to its end."""
    return (span.end_time or 0) - (span.start_time or 0)
