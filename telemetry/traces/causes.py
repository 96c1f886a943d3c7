"""The trace that a root span links to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Link


def local_cause(links: Sequence[Link]) -> int | None:
    """The trace id of the first link to a span of this process, or None.

    Background writes and spans of background tasks have such links. A link to a client's
    `traceparent`, which the edge adds, is remote.
    """
    for link in links:
        if link.context.is_valid and not link.context.is_remote:
            return link.context.trace_id
    return None
