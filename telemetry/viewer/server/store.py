"""Stores what was received in SQLite: the plugin's tables of spans and metrics, and ours.

Only this module uses `datasette-otel-viewer`. Its `store` is not a public interface, so its
release is pinned, and `tests/telemetry/viewer/test_store.py` checks it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from datasette_otel_viewer import store as plugin

from telemetry.viewer.server import statements
from telemetry.viewer.server.values import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from datasette.app import Datasette
    from datasette.database import Database

    from telemetry.viewer.server.rows import Row, Rows

NAME = "telemetry"
"""Name of the database in Datasette's addresses."""
RETENTION_HOURS = 24
MAX_SPANS = 100_000
MAX_POINTS = 200_000
MAX_LOGS = 50_000
MAX_ODD = 1_000
MAX_FILE_BYTES = 512 * 1024 * 1024
"""Limit of the file's content. The oldest is deleted above it."""
_WAL_BYTES = 16 * 1024 * 1024
_PRUNE_EVERY = 30.0
_MANY = 500
# Version of the file: of the keys of statements.
_KEYS = 1

_SCHEMA = """
create table if not exists arrivals (trace_id text primary key, received_ns integer);
create index if not exists idx_arrivals_received_ns on arrivals (received_ns);
create table if not exists events (
  trace_id text, span_id text, position integer, time_ns integer, name text, attributes text,
  primary key (span_id, position)
);
create index if not exists idx_events_trace_id on events (trace_id);
create table if not exists links (
  trace_id text, span_id text, position integer, linked_trace_id text, linked_span_id text,
  attributes text,
  primary key (span_id, position)
);
create index if not exists idx_links_trace_id on links (trace_id);
create table if not exists statements (
  trace_id text, span_id text, position integer, parent_span_id text, start_ns integer,
  site text, key text, text text, count integer, total_ms real, longest_ms real, failed integer,
  primary key (span_id, position)
);
create index if not exists idx_statements_trace_id on statements (trace_id);
create index if not exists idx_statements_key on statements (key, position);
create table if not exists logs (
  id text primary key,
  time_ns integer, severity integer, level text, logger text, body text,
  trace_id text, span_id text, site text, service_name text, attributes text, resource text
);
create index if not exists idx_logs_time_ns on logs (time_ns);
create index if not exists idx_logs_trace_id on logs (trace_id);
create table if not exists odd (
  kind text, id text, trace_id text, name text, received_ns integer, what text,
  primary key (kind, id)
);
create index if not exists idx_odd_trace_id on odd (trace_id);
create index if not exists idx_spans_site on spans (json_extract(attributes, '$."corkboard.site"'));
"""
_COLUMNS = {
    "events": ("trace_id", "span_id", "position", "time_ns", "name", "attributes"),
    "links": (
        *("trace_id", "span_id", "position", "linked_trace_id", "linked_span_id"),
        "attributes",
    ),
    "statements": (
        *("trace_id", "span_id", "position", "parent_span_id", "start_ns", "site", "key", "text"),
        *("count", "total_ms", "longest_ms", "failed"),
    ),
    "logs": (
        *("id", "time_ns", "severity", "level", "logger", "body", "trace_id", "span_id", "site"),
        *("service_name", "attributes", "resource"),
    ),
    "odd": ("kind", "id", "trace_id", "name", "received_ns", "what"),
}
# Tables of the rows of a trace.
_OF_TRACES = ("spans", "events", "links", "statements", "arrivals", "traces")


def plugin_config(path: str) -> dict[str, Any]:
    """Return the plugin's settings: it stores what it is given, and nothing of this process."""
    return {
        "datasette-otel-viewer": {
            "self_traces": False,
            "self_metrics": False,
            "public_viewer": True,
            "retention_hours": RETENTION_HOURS,
            "max_spans": MAX_SPANS,
            "max_metric_points": MAX_POINTS,
            "db_name": NAME,
            "db_path": path,
        }
    }


class Store:
    """Writes to and prunes the database, once Datasette has started."""

    def __init__(self, datasette: Datasette) -> None:
        self._datasette = datasette
        self._pruned = 0.0
        # One request is written at a time, and waits while another is pruned.
        self._writing = asyncio.Lock()
        self.version = 0
        """Number of requests stored. A page can only have changed if this has."""

    @property
    def database(self) -> Database:
        """The database, for Datasette's reads."""
        return self._datasette.databases[NAME]

    async def prepare(self) -> None:
        """Create all tables. Safe to call again."""
        database = await plugin.ensure_db(self._datasette)

        def settings(connection: Any) -> None:
            connection.execute("pragma journal_mode = wal")
            # A power cut may cost the last requests, and never the file.
            connection.execute("pragma synchronous = normal")
            connection.execute(f"pragma journal_size_limit = {_WAL_BYTES}")

        await database.execute_write_fn(settings, transaction=False)
        await database.execute_write_script(_SCHEMA)
        # A file of an earlier release has none.
        await database.execute_write(
            "insert or ignore into arrivals (trace_id, received_ns) "
            "select trace_id, start_ns from traces"
        )
        await database.execute_write_fn(_list_statements)

    async def add(self, rows: Rows, received: int) -> None:
        """Write the rows of a request, received at a time in nanoseconds since the epoch.

        Spans and log records that are sent again change nothing. Points have no id and are always
        appended.
        """
        async with self._writing:
            if rows.spans:
                await self._keep_apart(rows)
                await plugin.insert_spans(self._datasette, rows.spans)
                traces = {span["trace_id"] for span in rows.spans}
                await self.database.execute_write_many(
                    "insert or ignore into arrivals (trace_id, received_ns) values (?, ?)",
                    [(trace_id, received) for trace_id in traces],
                )
                await self._insert("events", rows.events)
                await self._insert("links", rows.links)
                await self._insert("statements", rows.statements)
            await plugin.insert_metrics(self._datasette, list(rows.metrics.values()), rows.points)
            await self._insert("logs", rows.logs)
            await self._insert(
                "odd",
                [
                    {
                        **row,
                        "received_ns": received,
                        "what": to_json([list(w) for w in row["what"]]),
                    }
                    for row in rows.odd[-MAX_ODD:]
                ],
            )
            self.version += 1
            await self._prune()

    async def _insert(self, table: str, rows: list[Row]) -> None:
        if not rows:
            return
        columns = _COLUMNS[table]
        names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        await self.database.execute_write_many(
            f"insert or replace into {table} ({names}) values ({values})",  # noqa: S608 - ours
            rows,
        )

    async def _keep_apart(self, rows: Rows) -> None:
        """Give spans another id whose id is that of a span in another trace.

        The plugin's table has one row for a span id. Ids are random, unless a sender counts.
        """
        asked = {row["span_id"] for row in rows.spans}
        asked |= {row["parent_span_id"] for row in rows.spans if row["parent_span_id"]}

        def owners(connection: Any) -> dict[str, str]:
            found: dict[str, str] = {}
            for some in _batches(sorted(asked)):
                marks = ", ".join("?" * len(some))
                sql = f"select span_id, trace_id from spans where span_id in ({marks})"  # noqa: S608
                found.update(connection.execute(sql, some).fetchall())
            return found

        owner = await self.database.execute_write_fn(owners)
        for row in rows.spans:
            owner.setdefault(row["span_id"], row["trace_id"])
        foreign = {
            (row["trace_id"], row["span_id"])
            for row in rows.spans
            if owner[row["span_id"]] != row["trace_id"]
        }
        for row in rows.spans:
            parent = row["parent_span_id"]
            if parent and owner.get(parent, row["trace_id"]) != row["trace_id"]:
                foreign.add((row["trace_id"], parent))
        if not foreign:
            return
        for row in (*rows.spans, *rows.events, *rows.links, *rows.statements):
            for column in ("span_id", "parent_span_id"):
                if (row["trace_id"], row.get(column)) in foreign:
                    row[column] = _other_id(row["trace_id"], row[column])
        for row in rows.odd:
            if row["kind"] == "span" and (row["trace_id"], row["id"]) in foreign:
                row["id"] = _other_id(row["trace_id"], row["id"])

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned < _PRUNE_EVERY and await self.used() < MAX_FILE_BYTES:
            return
        self._pruned = time.monotonic()
        await self.prune()

    async def used(self) -> int:
        """Return the size of the stored content in bytes."""
        size: int = await self.database.execute_write_fn(_used)
        return size

    async def prune(self) -> None:
        """Delete data older than `RETENTION_HOURS`, and the oldest above the limits."""
        await self.database.execute_write_fn(_delete_old)
        # Each round deletes a part of everything.
        for share in (0.75, 0.5, 0.25, 0.0):
            if await self.used() < MAX_FILE_BYTES:
                break

            def delete(connection: Any, share: float = share) -> None:
                _keep_newest(connection, share, share, share)

            await self.database.execute_write_fn(delete)


def _list_statements(connection: Any) -> None:
    """List the statements of the spans in a file that an earlier release has written.

    It has none, or keys that are the beginnings of statements. Those of query statistics that
    such a release has cut stay so: the file does not have the rest.
    """
    if connection.execute("pragma user_version").fetchone()[0] >= _KEYS:
        return
    connection.execute("delete from statements")
    cursor = connection.execute(
        "select trace_id, span_id, parent_span_id, start_ns, duration_ms, status, db_query_text, "
        "attributes from spans"
    )
    names = [column[0] for column in cursor.description]
    columns = _COLUMNS["statements"]
    marks = ", ".join("?" * len(columns))
    insert = f"insert or replace into statements ({', '.join(columns)}) values ({marks})"  # noqa: S608
    while spans := cursor.fetchmany(_MANY):
        found: list[list[Any]] = []
        for span in spans:
            row = dict(zip(names, span, strict=True))
            given = json.loads(row["attributes"] or "{}")
            found += ([each[name] for name in columns] for each in statements.of_span(row, given))
        connection.executemany(insert, found)
    connection.execute(f"pragma user_version = {_KEYS}")


def _batches(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _MANY):
        yield values[start : start + _MANY]


def _other_id(trace_id: str, span_id: str) -> str:
    return hashlib.blake2b(f"{trace_id} {span_id}".encode(), digest_size=8).hexdigest()


def _used(connection: Any) -> int:
    pages, free, size = (
        connection.execute(f"pragma {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _delete_old(connection: Any) -> None:
    oldest = time.time_ns() - RETENTION_HOURS * 3_600_000_000_000
    old = "select trace_id from traces where start_ns < ?"
    _delete_traces(connection, connection.execute(old, [oldest]).fetchall())
    connection.execute("delete from logs where time_ns < ?", [oldest])
    connection.execute("delete from metric_points where time_ns < ?", [oldest])
    spans, points, logs = (
        connection.execute(f"select count(*) from {table}").fetchone()[0]  # noqa: S608
        for table in ("spans", "metric_points", "logs")
    )
    _keep_newest(
        connection,
        MAX_SPANS / spans if spans > MAX_SPANS else 1,
        MAX_POINTS / points if points > MAX_POINTS else 1,
        MAX_LOGS / logs if logs > MAX_LOGS else 1,
    )


def _keep_newest(connection: Any, spans: float, points: float, logs: float) -> None:
    """Keep a part of the spans, points and log records: the last that arrived."""
    if spans < 1:
        total = connection.execute("select count(*) from spans").fetchone()[0]
        doomed = connection.execute(
            "select trace_id from (select a.trace_id, sum(t.span_count) over "
            "(order by a.received_ns desc, t.start_ns desc, a.trace_id) as newer "
            "from arrivals a join traces t on t.trace_id = a.trace_id) where newer > ?",
            [int(total * spans)],
        ).fetchall()
        _delete_traces(connection, doomed)
    for table, share in (("metric_points", points), ("logs", logs)):
        if share < 1:
            connection.execute(
                f"delete from {table} where rowid <= (select rowid from {table} "  # noqa: S608
                "order by rowid desc limit 1 offset "
                f"(select cast(count(*) * ? as int) from {table}))",
                [share],
            )
    connection.execute(
        "delete from metrics where name not in (select metric_name from metric_points)"
    )
    connection.execute(
        "delete from odd where rowid <= "
        "(select rowid from odd order by rowid desc limit 1 offset ?)",
        [MAX_ODD],
    )


def _delete_traces(connection: Any, traces: Iterable[tuple[str]]) -> None:
    for some in _batches([trace_id for (trace_id,) in traces]):
        marks = ", ".join("?" * len(some))
        for table in _OF_TRACES:
            connection.execute(f"delete from {table} where trace_id in ({marks})", some)  # noqa: S608
