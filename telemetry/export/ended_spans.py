"""Copies and durations of ended spans, which are immutable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from opentelemetry.trace import SpanContext


class SpanCopy(ReadableSpan):
    """Copy of an ended span with other attributes, context or constructor arguments.

    Args:
        span: The original.
        extra: Attributes to add.
        context: Replaces the span context.
        **instead: Replace other arguments of `ReadableSpan`: ``name``, ``attributes``,
            ``events``, ...
    """

    def __init__(
        self,
        span: ReadableSpan,
        extra: Mapping[str, Any] | None = None,
        context: SpanContext | None = None,
        **instead: Any,
    ) -> None:
        arguments: dict[str, Any] = {
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
            arguments["attributes"] = {**arguments["attributes"], **extra}
        super().__init__(**arguments)
        self._dropped = span.dropped_attributes, span.dropped_events, span.dropped_links

    @property
    def dropped_attributes(self) -> int:
        """Number of attributes dropped because of the span's limits."""
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        """Number of events dropped because of the span's limits."""
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        """Number of links dropped because of the span's limits."""
        return self._dropped[2]


def duration(span: ReadableSpan) -> int:
    """Return the duration of a span in nanoseconds."""
    return (span.end_time or 0) - (span.start_time or 0)
