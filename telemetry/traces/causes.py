"""What a span that has no parent came of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Link


def local_cause(links: Sequence[Link]) -> int | None:
    """The trace id of the span of this process that one links to, or None.

    So does a write that nobody waits for, and what a background task does. A
    client's `traceparent` that the edge linked to is another process's.
    """
    for link in links:
        if link.context.is_valid and not link.context.is_remote:
            return link.context.trace_id
    return None
