"""A trace as rows on one time scale: spans, query statistics, log records and exceptions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from telemetry.registry import attributes as a
from telemetry.viewer.server.statements import of_statistics
from telemetry.viewer.server.values import number, numbers, texts

TICKS = 4
MAX_SHOWN = 20_000
"""Limit of the attributes on one page. The JSON has all."""
_EXCEPTION = "exception"
# Shown in the headline or drawn, and so not listed among the attributes.
_DRAWN = ("corkboard.queries.",)


@dataclass(slots=True)
class Bar:
    """Position and width on the scale, in percent of its length."""

    left: float
    width: float = 0.0


@dataclass(slots=True)
class QueryStatistics:
    """Queries without spans. Their total time is known, but not when each ran."""

    count: int
    seconds: float
    bar: Bar
    statements: list[tuple[str, float, float, float]]
    repeated: list[tuple[str, int]]
    databases: list[tuple[str, int, float]]


@dataclass(slots=True)
class Moment:
    """A log record or an event, at one point of the scale."""

    bar: Bar
    row: dict[str, Any]
    odd: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SpanRow:
    """One span, with its logs, events, exceptions and links."""

    depth: int
    row: dict[str, Any]
    bar: Bar
    attributes: list[tuple[str, Any]]
    left_out: int
    """Attributes that the page does not show."""
    statistics: QueryStatistics | None
    odd: list[str] = field(default_factory=list)
    logs: list[Moment] = field(default_factory=list)
    exceptions: list[Moment] = field(default_factory=list)
    events: list[Moment] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)

    raised: bool = False
    """Whether an exception appears here for the first time, and not already on a span above."""

    @property
    def failed(self) -> bool:
        """Whether the span's status is an error."""
        return bool(self.row["status"] == "ERROR")


@dataclass(slots=True)
class Waterfall:
    """A trace, ready to be drawn."""

    root: dict[str, Any] | None
    rows: list[SpanRow]
    loose_logs: list[Moment]
    """Log records of a trace without spans."""
    ticks: list[tuple[float, float]]
    """Percent of the scale, and milliseconds."""
    duration_ms: float


class _Scale:
    def __init__(self, start: int, end: int) -> None:
        self._start = start
        self.length = max(end - start, 1)

    def at(self, start: int, end: int | None = None) -> Bar:
        left = min(max((start - self._start) * 100 / self.length, 0.0), 100.0)
        width = ((end or start) - start) * 100 / self.length
        return Bar(round(left, 3), round(min(width, 100.0 - left), 3))


def waterfall(found: dict[str, list[dict[str, Any]]]) -> Waterfall:
    """Lay out the result of `queries.trace`. Spans without their parent are roots."""
    spans = found["spans"]
    moments = [row["time_ns"] for row in found["logs"]] if not spans else []
    start = min([row["start_ns"] for row in spans] or moments or [0])
    end = max([row["end_ns"] for row in spans] or moments or [0])
    scale = _Scale(start, end)
    odd = {(row["kind"], row["id"]): row["what"] for row in found["odd"]}
    rows = _ordered(spans, scale)
    by_id = {row.row["span_id"]: row for row in rows}
    for span_id, row in by_id.items():
        row.odd = odd.get(("span", span_id), [])
    root = rows[0] if rows else None
    loose: list[Moment] = []
    for log in found["logs"]:
        # A record of an aggregated span is shown on the root, which has the query statistics.
        owner = by_id.get(log["span_id"], root)
        moment = Moment(scale.at(log["time_ns"]), log, odd.get(("log record", log["id"]), []))
        (owner.logs if owner else loose).append(moment)
    for event in found["events"]:
        owner = by_id.get(event["span_id"], root)
        if owner is not None:
            kept = owner.exceptions if event["name"] == _EXCEPTION else owner.events
            kept.append(Moment(scale.at(event["time_ns"]), event))
    _mark_first(rows)
    for link in found["links"]:
        if link["span_id"] in by_id:
            by_id[link["span_id"]].links.append(link)
    milliseconds = scale.length / 1e6
    return Waterfall(
        root=root.row if root else None,
        rows=rows,
        loose_logs=loose,
        ticks=[(n * 100 / TICKS, n * milliseconds / TICKS) for n in range(TICKS + 1)],
        duration_ms=milliseconds,
    )


def _mark_first(rows: list[SpanRow]) -> None:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        for moment in row.exceptions:
            attributes = moment.row["attributes"]
            key = (
                str(attributes.get("exception.type")),
                str(attributes.get("exception.message")),
            )
            row.raised |= key not in seen
            seen.add(key)


def _ordered(spans: list[dict[str, Any]], scale: _Scale) -> list[SpanRow]:
    known = {span["span_id"] for span in spans}
    children: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for span in spans:
        parent = span["parent_span_id"]
        children[parent if parent in known else None].append(span)
    rows: list[SpanRow] = []
    seen: set[str] = set()
    room = MAX_SHOWN
    # The last, spans that are each other's children, and so below no root.
    for start in (*children[None], *spans):
        # Not recursive: the sender decides how deep a trace is.
        waiting = [(start, 0)]
        while waiting:
            span, depth = waiting.pop()
            if span["span_id"] in seen:
                continue
            seen.add(span["span_id"])
            row = _span_row(span, depth, scale, room)
            room -= len(row.attributes)
            rows.append(row)
            waiting += [(child, depth + 1) for child in reversed(children[span["span_id"]])]
    return rows


def _span_row(span: dict[str, Any], depth: int, scale: _Scale, room: int) -> SpanRow:
    attributes = span["attributes"]
    shown = [
        (name, value) for name, value in sorted(attributes.items()) if not name.startswith(_DRAWN)
    ]
    bar = scale.at(span["start_ns"], span["end_ns"])
    kept = shown[: max(room, 0)]
    return SpanRow(
        depth=depth,
        row=span,
        bar=bar,
        attributes=kept,
        left_out=len(shown) - len(kept),
        statistics=_statistics(span, bar, scale),
    )


def _statistics(span: dict[str, Any], of_span: Bar, scale: _Scale) -> QueryStatistics | None:
    attributes = span["attributes"]
    count = int(number(attributes.get(a.QUERIES)))
    if count <= 0:
        return None
    seconds = max(number(attributes.get(a.QUERIES_EXECUTION)), 0)
    width = min(seconds * 1e11 / scale.length, 100.0 - of_span.left)
    databases = zip(
        texts(attributes.get(a.DATABASES)),
        map(int, numbers(attributes.get(a.DATABASES_COUNT))),
        numbers(attributes.get(a.DATABASES_EXECUTION)),
        strict=False,
    )
    repeated = zip(
        texts(attributes.get(a.REPEATED)),
        map(int, numbers(attributes.get(a.REPEATED_COUNT))),
        strict=False,
    )
    return QueryStatistics(
        count=count,
        seconds=seconds,
        bar=Bar(of_span.left, round(width, 3)),
        statements=list(of_statistics(attributes)),
        repeated=list(repeated),
        databases=list(databases),
    )
