"""Pages as plain text, for terminals and for programs that read text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.frames import frames
from telemetry.terminal import without_controls
from telemetry.viewer.server.forms import clock, line, milliseconds, moment, plain, size, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.viewer.server.waterfall import Moment, SpanRow, Waterfall

Row = dict[str, Any]
_MAX_STACK = 40


def requests(rows: list[Row]) -> str:
    """Return the list of requests."""
    return plain(_requests(rows))


def _requests(rows: list[Row]) -> list[str]:
    return table(
        ("time", "status", "duration", "queries", "spans", "logs", "trace", "request"),
        (
            (
                clock(row["start_ns"]),
                row["http_status"] or row["kind"].lower(),
                milliseconds(row["duration_ms"]),
                row["queries"],
                row["span_count"],
                row["logs"],
                row["trace_id"],
                " ".join(filter(None, (request_of(row), row["site"], _flags(row)))),
            )
            for row in rows
        ),
    )


def request_of(row: Row) -> str:
    """Return a request's method and path, or the name of the trace's root span."""
    said = [line(row["method"]), line(row["path"] or row["name"])]
    return " ".join(filter(None, said))


def _flags(row: Row) -> str:
    flags = []
    if row["error_count"]:
        flags.append(f"{row['error_count']} failed")
    if row["repeated"]:
        flags.append("N+1")
    if row["odd"]:
        flags.append(f"{row['odd']} odd")
    return f"[{', '.join(flags)}]" if flags else ""


def routes(rows: list[Row]) -> str:
    """Return the sums by route."""
    return plain(
        table(
            ("requests", "failed", "median", "95 %", "longest", "total", "queries each", "route"),
            (
                (
                    row["count"],
                    row["failed"],
                    milliseconds(row["median_ms"]),
                    milliseconds(row["p95_ms"]),
                    milliseconds(row["longest_ms"]),
                    milliseconds(row["total_ms"]),
                    f"{row['queries']:.1f}",
                    f"{line(row['method'])} {line(row['route'])}".strip(),
                )
                for row in rows
            ),
        )
    )


def statements(found: Row) -> str:
    """Return the groups of SQL statements, and how much of all SQL they account for."""
    lines = [accounted(found), ""]
    for group in found["groups"]:
        many = len(group["statements"])
        alike = f", {many} statements that are alike" if many > 1 else ""
        failed = f", {group['failed']} failed" if group["failed"] else ""
        lines.append(
            f"{milliseconds(group['total_ms'])} in {group['count']} runs{failed}{alike}, "
            f"longest {milliseconds(group['longest_ms'])} in trace {group['trace_id']}"
        )
        for row in group["statements"]:
            if many > 1:
                lines.append(f"    {milliseconds(row['total_ms'])} in {row['count']} runs")
            lines += [f"    {without_controls(each)}" for each in row["text"].splitlines()]
        lines.append("")
    return plain(lines)


def accounted(found: Row) -> str:
    """Return how much of all SQL time the rows account for."""
    if not found["count"]:
        return "No SQL."
    share = found["shown_ms"] / found["total_ms"] if found["total_ms"] else 1.0
    return (
        f"These rows account for {share:.0%} of all SQL time: {milliseconds(found['shown_ms'])} of "
        f"{milliseconds(found['total_ms'])}, and for {found['shown_count']} of {found['count']} "
        "queries."
    )


def logs(rows: list[Row]) -> str:
    """Return the log records."""
    return plain(_logs(rows))


def _logs(rows: list[Row]) -> list[str]:
    return table(
        ("time", "level", "site", "trace", "message"),
        (
            (
                clock(row["time_ns"]),
                row["level"] or row["severity"],
                row["site"],
                row["trace_id"],
                row["body"],
            )
            for row in rows
        ),
    )


def search(found: Row) -> str:
    """Return what was found."""
    return plain(
        ["Requests", "", *_requests(found["requests"]), "", "Logs", "", *_logs(found["logs"])]
    )


def received(found: Row) -> str:
    """Return what arrived, and what of it was odd or refused."""
    lines = table(
        ("last minute", "since start", "received"),
        ((row["minute"], row["total"], row["what"]) for row in found["received"]),
    )
    lines += ["", "Stored", ""]
    lines += table(
        ("stored", "limit", "what"),
        (
            (
                size(row["stored"]) if "bytes" in row["what"] else row["stored"],
                size(row["limit"]) if "bytes" in row["what"] else row["limit"],
                row["what"],
            )
            for row in found["stored"]
        ),
    )
    for title, key in (("Refused", "refused"), ("Odd", "odd")):
        lines += ["", title, ""]
        lines += table(
            ("last minute", "since start", "reason"),
            ((row["minute"], row["total"], row["what"]) for row in found[key]),
        )
    return plain(lines)


def trace(trace_id: str, drawn: Waterfall) -> str:
    """Return a trace as an indented list of spans, log records and exceptions."""
    root = drawn.root
    lines = [f"trace {trace_id}"]
    if root:
        lines.append(
            f"{moment(root['start_ns'])}  {milliseconds(drawn.duration_ms)}  "
            f"{line(root['service_name'])}  {len(drawn.rows)} spans"
        )
    lines.append("")
    for row in drawn.rows:
        lines += _span(row)
    for record in drawn.loose_logs:
        lines += _record(record, "")
    return plain(lines)


def _span(span: SpanRow) -> Iterator[str]:
    row, indent = span.row, "  " * min(span.depth, 20)
    status = f" {row['http_status']}" if row["http_status"] else ""
    failed = " FAILED" if span.failed else ""
    yield f"{milliseconds(row['duration_ms']):>9}  {indent}{line(row['name'])}{status}{failed}"
    inner = f"{'':9}  {indent}  "
    path = row["attributes"].get("url.path")
    for said in (path, row["attributes"].get("corkboard.site"), row["db_query_text"]):
        if said:
            yield f"{inner}{line(said)}"
    if span.failed and row["status_description"] and not span.exceptions:
        yield f"{inner}{line(row['status_description'])}"
    for oddity in span.odd:
        yield f"{inner}odd: {line(oddity)}"
    for raised in span.exceptions:
        given = raised.row["attributes"]
        said = f"{line(given.get('exception.type'))}: {line(given.get('exception.message'))}"
        yield f"{inner}{said}"
        stack = given.get("exception.stacktrace")
        if isinstance(stack, str):
            for each in frames(stack)[:_MAX_STACK]:
                yield f"{inner}  {without_controls(each)}"
    if span.statistics:
        of = span.statistics
        repeated = ", ".join(f"{count}" for _, count in of.repeated)
        loop = f", N+1: {repeated} alike" if repeated else ""
        yield (
            f"{milliseconds(of.seconds * 1000):>9}  {indent}  {of.count} aggregated queries{loop}"
        )
        for text, count, seconds, _ in of.statements:
            yield f"{inner}  {milliseconds(seconds * 1000)} in {count:g} runs: {line(text)}"
    for event in span.events:
        yield f"{inner}event {line(event.row['name'])}"
    for record in span.logs:
        yield from _record(record, inner)


def _record(record: Moment, indent: str) -> Iterator[str]:
    row = record.row
    yield f"{indent}{line(row['level'] or row['severity'])} {line(row['body'])}"
    for oddity in record.odd:
        yield f"{indent}  odd: {line(oddity)}"
