"""Queries of the pages. Each returns plain values, which become a page, JSON or text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from telemetry.registry import datasette as d
from telemetry.viewer.server import statements as sql
from telemetry.viewer.server.filters import PATH, SITE, Filters
from telemetry.viewer.server.values import number

if TYPE_CHECKING:
    from telemetry.viewer.server.reading import Connection

Row = dict[str, Any]

PAGE = 100
# The sums by route and by statement are over this number of the newest requests.
SUMMED = 20_000
MAX_TRACE_SPANS = 2_000
MAX_TRACE_BYTES = 32 * 1024 * 1024
"""Limit of the spans, events or log records of a trace that are read, in bytes of attributes."""
MAX_SITES = 2_000
_MAX_STATEMENTS = 100_000

# A trace whose spans are all each other's children has no root: its first span is taken.
_OF_ROOTS = """
from traces t join spans r on r.span_id = coalesce(t.root_span_id,
  (select s.span_id from spans s where s.trace_id = t.trace_id order by s.start_ns limit 1))
"""
_ROUTES = f"""
select t.duration_ms, t.error_count, r.name, r.http_route as route, {SITE} as site,
       json_extract(r.attributes, '$."http.request.method"') as method,
       json_extract(r.attributes, '$."corkboard.queries.count"') as queries
{_OF_ROOTS}
"""
_REQUESTS = f"""
select t.trace_id, t.start_ns, t.duration_ms, t.span_count, t.error_count,
       r.name, r.kind, r.status, r.http_route as route, r.http_status, r.service_name,
       {SITE} as site, {PATH} as path,
       json_extract(r.attributes, '$."http.request.method"') as method,
       json_extract(r.attributes, '$."corkboard.queries.count"') as queries,
       json_extract(r.attributes, '$."corkboard.queries.repeated"') as repeated,
       json_extract(r.attributes, '$."corkboard.error.url"') as error_url,
       (select count(*) from logs l where l.trace_id = t.trace_id) as logs,
       (select count(*) from odd o where o.trace_id = t.trace_id) as odd
{_OF_ROOTS}
"""  # noqa: S608 - constants
# A query's span includes the time that it waited for a thread, and the phases within it do not. Of
# two instrumentations that record the same statement, only the outer is counted. Counts are those
# that were sent: `total` is a float, where `sum` fails above 64 bits.
_STATEMENTS = f"""
with newest as (
  select * from statements where (:site = '' or site = :site) order by rowid desc limit :limit
), timed as (
  select n.*, case when n.position >= 0 then n.total_ms else coalesce(
    (select sum(c.duration_ms) from spans c where c.parent_span_id = n.span_id
     and c.name in ('{d.EXECUTE}', '{d.WRITE}') and c.trace_id = n.trace_id),
    n.total_ms) end as ms
  from newest n
  where not exists (
    select 1 from statements p where n.position < 0 and p.span_id = n.parent_span_id
    and p.position < 0 and p.key = n.key)
)
select key, count(distinct text) as variants, total(count) as count, sum(failed) as failed,
  sum(ms) as total_ms, max(case when position >= 0 then longest_ms else ms end) as longest_ms,
  trace_id
from timed group by key
"""  # noqa: S608 - constants


def sites(connection: Connection) -> list[str]:
    """Return all sites that have data, each found by one step in the index."""
    site = "json_extract(attributes, '$.\"corkboard.site\"')"
    found = connection.rows(
        f"with recursive next(site) as (select min({site}) from spans union "  # noqa: S608
        f"select (select min({site}) from spans where {site} > next.site) from next "
        "where next.site is not null) "
        "select site from next where site is not null limit :limit",
        {"limit": MAX_SITES},
    )
    return [str(row["site"]) for row in found]


def requests(connection: Connection, filters: Filters) -> list[Row]:
    """Return the newest traces, one in each row."""
    where, values = filters.of_traces()
    # In the order in which `Filters` compares: rows of one time have one too.
    order = "order by t.start_ns desc, t.trace_id desc"
    found = connection.rows(f"{_REQUESTS} {where} {order} limit {PAGE}", values)
    for row in found:
        row["queries"] = int(number(row["queries"]))
        row["repeated"] = bool(row["repeated"])
    return found


def routes(connection: Connection, filters: Filters) -> list[Row]:
    """Return sums of requests by method and route, those with the longest total time first."""
    where, values = filters.of_traces()
    listed = connection.rows(f"{_ROUTES} {where} order by t.start_ns desc limit {SUMMED}", values)
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in listed:
        key = str(row["method"] or ""), row["route"] or row["name"]
        groups.setdefault(key, []).append(row)
    summed = [_route(method, route, rows) for (method, route), rows in groups.items()]
    return sorted(summed, key=lambda row: row["total_ms"], reverse=True)


def _route(method: str, route: str, rows: list[Row]) -> Row:
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
        "queries": sum(number(row["queries"]) for row in rows) / len(rows),
        "sites": len({row["site"] for row in rows if row["site"]}),
    }


def statements(connection: Connection, filters: Filters) -> Row:
    """Return groups of SQL statements, and the sums of all SQL and of what is in the groups."""
    summed = connection.rows(_STATEMENTS, {"site": filters.site, "limit": _MAX_STATEMENTS})
    for row in summed:
        row["count"] = int(row["count"])
    of_spans = connection.rows(
        "select key, text from statements where text is not null and position < 0 "
        "and (:site = '' or site = :site) group by key",
        {"site": filters.site},
    )
    texts_of = {row["key"]: row["text"] for row in of_spans}
    rows = [
        {**row, "text": texts_of.get(row["key"]) or row["key"]}
        for row in summed
        if row["key"] is not None
    ]
    listed = [row for row in rows if filters.q in row["key"] or filters.q in row["text"]]
    groups = sql.grouped(listed)[:PAGE]
    return {
        "count": sum(row["count"] for row in summed),
        "total_ms": sum(row["total_ms"] for row in summed),
        "shown_count": sum(group["count"] for group in groups),
        "shown_ms": sum(group["total_ms"] for group in groups),
        "groups": groups,
    }


def logs(connection: Connection, filters: Filters) -> list[Row]:
    """Return the newest log records."""
    where, values = filters.of_logs()
    return _with_attributes(
        connection.rows(
            f"select * from logs {where} order by time_ns desc, rowid desc limit {PAGE}",  # noqa: S608
            values,
        )
    )


def search(connection: Connection, filters: Filters) -> Row:
    """Return traces by the beginning of their id, by path or name; and log records by text."""
    everything = Filters({**filters.given, "all": "1"})
    return {"requests": requests(connection, everything), "logs": logs(connection, filters)}


def traces_that_begin_with(connection: Connection, prefix: str) -> list[str]:
    """Return up to ten ids of traces, also of those that have only log records."""
    found = connection.rows(
        "select trace_id from traces where trace_id between :prefix and :prefix || 'g' union "
        "select trace_id from logs where trace_id between :prefix and :prefix || 'g' limit 10",
        {"prefix": prefix},
    )
    return [row["trace_id"] for row in found]


def trace(connection: Connection, trace_id: str) -> dict[str, list[Row]]:
    """Return everything of one trace, ordered by time."""
    orders = {
        "spans": f"start_ns, span_id limit {MAX_TRACE_SPANS}",
        "events": f"time_ns, position limit {MAX_TRACE_SPANS}",
        "links": f"position limit {MAX_TRACE_SPANS}",
        "logs": f"time_ns limit {MAX_TRACE_SPANS}",
    }
    found = {}
    for table, order in orders.items():
        rows = connection.rows_up_to(
            MAX_TRACE_BYTES,
            f"select * from {table} where trace_id = :trace_id order by {order}",  # noqa: S608
            {"trace_id": trace_id},
        )
        found[table] = _with_attributes(rows)
    odd = connection.rows(
        "select kind, id, what from odd where trace_id = :trace_id", {"trace_id": trace_id}
    )
    found["odd"] = [{**row, "what": _oddities(row["what"])} for row in odd]
    return found


def odd(connection: Connection) -> list[Row]:
    """Return the odd items that arrived last."""
    rows = connection.rows(f"select * from odd order by rowid desc limit {PAGE}")  # noqa: S608
    return [{**row, "what": _oddities(row["what"])} for row in rows]


def sizes(connection: Connection) -> Row:
    """Return the numbers of stored items, and the size of the content in bytes."""
    [found] = connection.rows(
        "select (select count(*) from spans) as spans, (select count(*) from logs) as logs, "
        "(select count(*) from metric_points) as points, "
        "(select (page_count - freelist_count) * page_size from pragma_page_count, "
        "pragma_freelist_count, pragma_page_size) as bytes"
    )
    return found


def _with_attributes(rows: list[Row]) -> list[Row]:
    return [{**row, "attributes": json.loads(row["attributes"])} for row in rows]


def _oddities(what: str) -> list[str]:
    return [f"{said}: {given}" if given else said for said, given in json.loads(what)]
