"""Reads Datasette's spans of one query.

The span `db.query` lasts as long as the caller waited. It contains spans of
phases: the execution in a thread, and for a write the time in the queue before it.
"""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from telemetry.datasette.query_statistics import Query
from telemetry.registry import datasette as d

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

# Looked up once.
_TEXT, _CALLBACK, _DATABASE = d.TEXT, d.CALLBACK, d.DATABASE
_ROWS, _SUPPRESSED, _TRUNCATED, _WAIT = d.ROWS, d.SUPPRESSED, d.TRUNCATED, d.WAIT
# Without a call of Python's.
_query: Callable[[tuple[Any, ...]], Query] = partial(tuple.__new__, Query)


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
    # A light span has its attributes as they were set, which takes no call.
    if not getattr(span, "is_eventful", True):
        light: Any = span
        return _TRUNCATED in light.values and bool(light.values[_TRUNCATED])
    return (
        span.status.status_code is StatusCode.ERROR
        or bool(span.events)
        or bool((span.attributes or {}).get(d.TRUNCATED))
    )


def read_query(span: ReadableSpan, phases: Sequence[ReadableSpan]) -> Query:
    """The query that ended spans describe."""
    # Runs for each query.
    known: Any = getattr(span, "values", None)
    if known is None:
        known = span.attributes or {}
    whole = (span.end_time or 0) - (span.start_time or 0)
    # Without phases, the query ran in its caller's thread.
    execution = None
    for phase in phases:
        if phase.name != _WAIT:
            execution = (execution or 0) + (phase.end_time or 0) - (phase.start_time or 0)
    if execution is None:
        execution = whole
    statement = known.get(_TEXT) or known.get(_CALLBACK) or ""
    database = known.get(_DATABASE, "")
    rows = known.get(_ROWS)
    suppressed, interrupted = bool(known.get(_SUPPRESSED)), False
    if rows.__class__ is not int:
        # A query with a time limit that has neither rows nor a suppressed error was interrupted.
        interrupted = rows is None and d.TIME_LIMIT in known and not suppressed
        rows = rows if isinstance(rows, int) else 0
    return _query(
        (
            statement if statement.__class__ is str else str(statement),
            database if database.__class__ is str else str(database),
            execution,
            whole - execution if whole > execution else 0,
            rows,
            suppressed,
            interrupted,
        )
    )
