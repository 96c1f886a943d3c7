"""Datasette's spans of one query, and what they tell of it.

`db.query` is as long as its caller waited, and in it there are phases: the
query itself, in a thread, and for a write the time in the queue before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode

from telemetry.datasette.query_statistics import Query
from telemetry.export.ended_spans import duration
from telemetry.registry import datasette as d

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan


def is_query(span: ReadableSpan) -> bool:
    """Whether it is the span of a whole query."""
    return span.name == d.QUERY and _is_datasettes(span)


def is_phase(span: ReadableSpan) -> bool:
    """Whether it is a part of a query."""
    return span.name in d.PHASES and _is_datasettes(span)


def is_remarkable(span: ReadableSpan) -> bool:
    """Whether a query, or a part of one, failed, was cut short, or has something to tell."""
    return (
        span.status.status_code is StatusCode.ERROR
        or bool(span.events)
        or bool((span.attributes or {}).get(d.TRUNCATED))
    )


def read_query(span: ReadableSpan, phases: Sequence[ReadableSpan]) -> Query:
    """What an ended query's spans tell."""
    known = span.attributes or {}
    executions = [duration(phase) for phase in phases if phase.name != d.WAIT]
    whole = duration(span)
    # Without a phase it ran where its caller was.
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
        # Neither rows nor an error: of what has a limit, that is all there is to see of it.
        interrupted=d.TIME_LIMIT in known and rows is None and not suppressed,
    )


def _is_datasettes(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == d.SCOPE
