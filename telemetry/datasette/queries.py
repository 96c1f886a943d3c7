"""Reads Datasette's spans of one query.

The span `db.query` lasts as long as the caller waited. It contains spans of
phases: the execution in a thread, and for a write the time in the queue before it.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from telemetry.registry import datasette as d

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


class Role(Enum):
    """What a span is to query folding."""

    OTHER = 0
    QUERY = 1
    """The span of a whole query."""
    PHASE = 2
    """The span of a phase of a query."""


ROLES: dict[str, Role] = {d.QUERY: Role.QUERY, **dict.fromkeys(d.PHASES, Role.PHASE)}
"""Of Datasette's spans, by the names that it starts them with."""


def role_of(span: ReadableSpan) -> Role:
    """The role of a span of any tracer provider, by its name and scope."""
    role = ROLES.get(span.name, Role.OTHER)
    if role is not Role.OTHER:
        scope = span.instrumentation_scope
        if scope is None or scope.name != d.SCOPE:
            return Role.OTHER
    return role


def is_remarkable(span: ReadableSpan) -> bool:
    """Whether a query or a phase failed, has span events, or returned a truncated result."""
    # A light span has its attributes as they were set, which takes no call.
    if not getattr(span, "is_eventful", True):
        light: Any = span
        return d.TRUNCATED in light.values and bool(light.values[d.TRUNCATED])
    return (
        span.status.status_code is StatusCode.ERROR
        or bool(span.events)
        or bool((span.attributes or {}).get(d.TRUNCATED))
    )
