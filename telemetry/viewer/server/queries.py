"""Queries of the pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from telemetry.registry import attributes as a
from telemetry.viewer.server.filters import PATH, SITE, Filters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datasette.database import Database

PAGE = 100
# The sums by route and by statement are over this number of the newest requests.
SUMMED = 20_000
MAX_TRACE_SPANS = 2_000

_REQUESTS = f"""
select t.trace_id, t.start_ns, t.duration_ms, t.span_count, t.error_count,
       r.name, r.kind, r.status, r.http_route as route, r.http_status, r.service_name,
       {SITE} as site, {PATH} as path,
       json_extract(r.attributes, '$."http.request.method"') as method,
       json_extract(r.attributes, '$."corkboard.queries.count"') as queries,
       json_extract(r.attributes, '$."corkboard.queries.repeated"') as repeated,
       (select count(*) from logs l where l.trace_id = t.trace_id) as logs
from traces t join spans r on r.span_id = t.root_span_id
"""  # noqa: S608 - constants

_OWN_STATEMENTS = """
select trace_id, db_query_text as text, duration_ms, status from spans
where db_query_text is not null
  and (:site = '' or json_extract(attributes, '$."corkboard.site"') = :site)
order by start_ns desc limit :limit
"""
_STATISTICS = """
select trace_id, attributes from spans
where json_extract(attributes, '$."corkboard.queries.statements"') is not null
  and (:site = '' or json_extract(attributes, '$."corkboard.site"') = :site)
order by start_ns desc limit :limit
"""


async def sites(database: Database) -> list[str]:
    """Return all sites that have data."""
    found = await database.execute(
        "select distinct json_extract(attributes, '$.\"corkboard.site\"') as site from spans "
        "where site is not null order by site"
    )
    return [row["site"] for row in found.rows]


async def requests(database: Database, filters: Filters) -> list[dict[str, Any]]:
    """Return the newest traces, one in each row."""
    where, values = filters.of_traces()
    return await _rows(
        database, f"{_REQUESTS} {where} order by t.start_ns desc limit {PAGE}", values
    )


async def routes(database: Database, filters: Filters) -> list[dict[str, Any]]:
    """Return sums of requests by method and route, those with the longest total time first."""
    where, values = filters.of_traces()
    listed = await _rows(
        database, f"{_REQUESTS} {where} order by t.start_ns desc limit {SUMMED}", values
    )
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in listed:
        key = row["method"] or "", row["route"] or row["name"]
        groups.setdefault(key, []).append(row)
    summed = [_route(method, route, rows) for (method, route), rows in groups.items()]
    return sorted(summed, key=lambda row: row["total_ms"], reverse=True)


def _route(method: str, route: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    times = sorted(row["duration_ms"] for row in rows)
    return {
        "method": method,
        "route": route,
        "count": len(rows),
        "failed": sum(1 for row in rows if row["error_count"]),
        "median_ms": times[len(times) // 2],
        "p95_ms": times[min(len(times) - 1, int(len(times) * 0.95))],
        "longest_ms": times[-1],
        "total_ms": sum(times),
        "queries": sum(row["queries"] or 0 for row in rows) / len(rows),
        "sites": len({row["site"] for row in rows if row["site"]}),
    }


async def statements(database: Database, filters: Filters) -> list[dict[str, Any]]:
    """Return sums by SQL statement: of spans, and of the statements in query statistics."""
    sums: dict[str, dict[str, Any]] = {}
    spans = await _rows(database, _OWN_STATEMENTS, {"site": filters.site, "limit": SUMMED})
    for span in spans:
        failed = span["status"] == "ERROR"
        _add(sums, span["text"], 1, span["duration_ms"], span["duration_ms"], span, failed=failed)
    rows = await _rows(database, _STATISTICS, {"site": filters.site, "limit": SUMMED})
    for statistics in rows:
        for text, count, seconds, longest in statistics_of(json.loads(statistics["attributes"])):
            _add(sums, text, count, seconds * 1000, longest * 1000, statistics)
    listed = [row for row in sums.values() if filters.q in row["text"]]
    return sorted(listed, key=lambda row: row["total_ms"], reverse=True)[:PAGE]


def statistics_of(attributes: dict[str, Any]) -> Iterable[tuple[str, int, float, float]]:
    """Yield the statements of a span's query statistics: text, count, total and longest seconds."""
    return zip(
        attributes.get(a.STATEMENTS, ()),
        attributes.get(a.STATEMENTS_COUNT, ()),
        attributes.get(a.STATEMENTS_EXECUTION, ()),
        attributes.get(a.STATEMENTS_LONGEST, ()),
        strict=False,
    )


def _add(
    sums: dict[str, dict[str, Any]],
    text: str,
    count: int,
    total_ms: float,
    longest_ms: float,
    source: dict[str, Any],
    *,
    failed: bool = False,
) -> None:
    empty = {"text": text, "count": 0, "total_ms": 0.0, "longest_ms": 0.0, "failed": 0}
    found = sums.setdefault(text, empty)
    found["count"] += count
    found["total_ms"] += total_ms
    found["failed"] += failed
    if longest_ms >= found["longest_ms"]:
        found["longest_ms"], found["trace_id"] = longest_ms, source["trace_id"]


async def logs(database: Database, filters: Filters) -> list[dict[str, Any]]:
    """Return the newest log records."""
    where, values = filters.of_logs()
    found = await _rows(
        database,
        f"select * from logs {where} order by time_ns desc limit {PAGE}",  # noqa: S608
        values,
    )
    return [{**row, "attributes": json.loads(row["attributes"])} for row in found]


async def trace(database: Database, trace_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return everything of one trace, ordered by time."""
    values = {"trace_id": trace_id}
    orders = {
        "spans": f"start_ns, span_id limit {MAX_TRACE_SPANS}",
        "events": "time_ns, position",
        "links": "position",
        "logs": f"time_ns limit {MAX_TRACE_SPANS}",
    }
    found = {}
    for table, order in orders.items():
        rows = await _rows(
            database,
            f"select * from {table} where trace_id = :trace_id order by {order}",  # noqa: S608
            values,
        )
        found[table] = [{**row, "attributes": json.loads(row["attributes"])} for row in rows]
    return found


async def _rows(database: Database, sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    # Not truncated at Datasette's 1,000 rows: each query has a limit.
    found = await database.execute(sql, values, truncate=False)
    return [dict(row) for row in found.rows]
