"""Reads Datasette's spans of one query.

The span `db.query` lasts as long as the caller waited. It contains spans of
phases: the execution in a thread, and for a write the time in the queue before it.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode

from telemetry.datasette.query_statistics import Query
from telemetry.export.ended_spans import duration
from telemetry.registry import datasette as d

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan


class Role(Enum):
    """What a span is to query folding."""

    OTHER = 0
    QUERY = 1
    """The span of a whole query."""
    PHASE = 2
    """The span of a phase of a query."""


def role_of(span: ReadableSpan) -> Role:
    """The role of a span of any tracer provider, by its name and scope."""
    name = span.name
    is_query = name == d.QUERY
    if is_query or name in d.PHASES:
        scope = span.instrumentation_scope
        if scope is not None and scope.name == d.SCOPE:
            return Role.QUERY if is_query else Role.PHASE
    return Role.OTHER


def is_remarkable(span: ReadableSpan) -> bool:
    """Whether a query or a phase failed, has span events, or returned a truncated result."""
    return (
        span.status.status_code is StatusCode.ERROR
        or bool(span.events)
        or bool((span.attributes or {}).get(d.TRUNCATED))
    )


def read_query(span: ReadableSpan, phases: Sequence[ReadableSpan]) -> Query:
    """The query that ended spans describe."""
    known = span.attributes or {}
    executions = [duration(phase) for phase in phases if phase.name != d.WAIT]
    whole = duration(span)
    # Without phases, the query ran in its caller's thread.
    execution = sum(executions) if executions else whole
    rows = known.get(d.ROWS)
    suppressed = bool(known.get(d.SUPPRESSED))
    return Query(
        statement=str(known.get(d.TEXT) or known.get(d.CALLBACK) or ""),
        database=str(known.get(d.DATABASE, "")),
        execution=execution,
        waiting=max(whole - execution, 0),
        rows=rows if isinstance(rows, int) else 0,
        suppressed=suppressed,
        # A query with a time limit that has neither rows nor a suppressed error was interrupted.
        interrupted=d.TIME_LIMIT in known and rows is None and not suppressed,
    )
