"""What query folding knows of the spans that are open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from telemetry.datasette.query_statistics import QueryStatistics


class LocalTrace:
    """One local root span, and the statistics of all queries below it in this process."""

    __slots__ = ("has_ended", "kept", "kept_execution", "root", "statistics")

    def __init__(self, root: Span) -> None:
        self.root = root
        self.has_ended = False
        # None before the first query that is folded.
        self.statistics: QueryStatistics | None = None
        # Queries that have ended and were not folded, and their execution time in nanoseconds.
        self.kept = 0
        self.kept_execution = 0


class OpenSpan(Protocol):
    """An open span, or an open query with its phases. A light span of a query is one itself."""

    local: LocalTrace
    above: OpenSpan | None
    """The span around it; None for the local root."""
    phases: list[ReadableSpan] | None
    """The ended phases of a query; None for other spans."""
    execution: int | None
    """Nanoseconds of those phases that are no waiting; None without any."""
    stays: bool
    """Whether it is exported though it was fast, and each query that contains it."""


class OtherSpan:
    """An `OpenSpan` that is not a light span of a query."""

    __slots__ = ("above", "execution", "local", "phases", "stays")

    def __init__(
        self, local: LocalTrace, above: OpenSpan | None = None, *, is_query: bool = False
    ) -> None:
        self.local = local
        self.above = above
        self.phases: list[ReadableSpan] | None = [] if is_query else None
        self.execution: int | None = None
        self.stays = False


def stay(opened: OpenSpan | None) -> None:
    """Do not fold this query, nor any query that contains it."""
    while opened is not None and not opened.stays:
        opened.stays = True
        opened = opened.above
