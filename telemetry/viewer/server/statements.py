"""SQL statements: one row for each, whether it had a span or was part of query statistics."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from telemetry.datasette.query_statistics import shape_of
from telemetry.redaction.sql import DIGEST, MAX_STATEMENT, cut_statement
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d
from telemetry.viewer.server.values import number, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Row = dict[str, Any]

# Of the statement of a span, where those of query statistics are counted from 0.
_OF_SPAN = -1
# The query statistics' queries of other statements.
_OTHERS = 1_000
_MAX_LISTED = 100


def of_span(span: Row, attributes: dict[str, Any]) -> Iterator[Row]:
    """Yield the statements of a span, and those in its query statistics."""
    site = attributes.get(a.SITE)
    common = {
        "trace_id": span["trace_id"],
        "span_id": span["span_id"],
        "parent_span_id": span["parent_span_id"],
        "start_ns": span["start_ns"],
        "site": site if isinstance(site, str) else None,
        "failed": 0,
    }
    callback = attributes.get(d.CALLBACK)
    said = span["db_query_text"] or (callback if isinstance(callback, str) else None)
    if said:
        yield {
            **common,
            "position": _OF_SPAN,
            "key": cut_statement(said),
            "text": readable(said),
            "count": 1,
            "total_ms": span["duration_ms"],
            "longest_ms": span["duration_ms"],
            "failed": int(span["status"] == "ERROR"),
        }
    count = max(number(attributes.get(a.QUERIES)), 0)
    milliseconds = max(number(attributes.get(a.QUERIES_EXECUTION)), 0) * 1000
    listed = list(of_statistics(attributes))
    for position, (said, runs, seconds, longest) in enumerate(listed[:_MAX_LISTED]):
        yield {
            **common,
            "position": position,
            "key": cut_statement(said),
            "text": None,
            "count": int(runs),
            "total_ms": seconds * 1000,
            "longest_ms": longest * 1000,
        }
        count -= runs
        milliseconds -= seconds * 1000
    if count > 0:
        yield {
            **common,
            "position": _OTHERS,
            "key": None,
            "text": None,
            "count": int(count),
            "total_ms": max(milliseconds, 0.0),
            "longest_ms": 0.0,
        }


def of_statistics(attributes: dict[str, Any]) -> Iterable[tuple[str, float, float, float]]:
    """Yield the statements of a span's query statistics: text, count, total and longest seconds."""
    return zip(
        texts(attributes.get(a.STATEMENTS)),
        *(
            [max(each, 0) for each in numbers(attributes.get(name))]
            for name in (a.STATEMENTS_COUNT, a.STATEMENTS_EXECUTION, a.STATEMENTS_LONGEST)
        ),
        strict=False,
    )


def readable(statement: str) -> str:
    """Return a statement without its source's indentation and blank lines."""
    lines = [line.rstrip() for line in statement.expandtabs().strip("\n").splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        return ""
    first, rest = lines[0].lstrip(), "\n".join(lines[1:])
    # The first line often begins behind a quote, and so has another indentation than the others.
    return f"{first}\n{textwrap.dedent(rest)}" if rest else first


def grouped(rows: Sequence[Row]) -> list[Row]:
    """Group rows whose statements have the same shape, as the detection of repeated ones does.

    Args:
        rows: Sums by statement: `key`, `count`, `total_ms`, `longest_ms`, `failed`, `trace_id`.

    Returns:
        Groups with the same sums, and their `statements`. Those that took longest come first.
    """
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: len(row["key"])):
        groups.setdefault(_shape(row["key"]), []).append(row)
    # One that is cut at its end has the beginning of the shape of another.
    shapes = sorted(groups)
    for shape, longer in pairwise(shapes):
        if longer.startswith(shape) and any(_is_cut(row["key"]) for row in groups[shape]):
            groups[longer] = groups.pop(shape) + groups[longer]
    return sorted(map(_group, groups.values()), key=lambda group: group["total_ms"], reverse=True)


def _group(rows: list[Row]) -> Row:
    rows = sorted(rows, key=lambda row: row["total_ms"], reverse=True)
    slowest = max(rows, key=lambda row: row["longest_ms"])
    return {
        "count": sum(row["count"] for row in rows),
        "failed": sum(row["failed"] for row in rows),
        "total_ms": sum(row["total_ms"] for row in rows),
        "longest_ms": slowest["longest_ms"],
        "trace_id": slowest["trace_id"],
        "statements": rows,
    }


def _shape(key: str) -> str:
    # The name of a function has no spaces, and is its own shape.
    if " " not in key:
        return key
    if not _is_cut(key):
        return shape_of(key)
    # Without its last word, which may be cut within a name or a text.
    shape = shape_of(key.rpartition("…")[0].rpartition(" ")[0])
    return shape.partition("'")[0]


def _is_cut(key: str) -> bool:
    # Those of earlier releases have no hash.
    return len(key) == MAX_STATEMENT and "…" in (key[-1], key[-DIGEST - 1])
