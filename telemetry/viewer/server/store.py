"""Stores what was received in SQLite: the plugin's tables of spans and metrics, and ours.

Only this module uses `datasette-otel-viewer`. Its `store` is not a public interface, so its
release is pinned, and `tests/telemetry/viewer/test_store.py` checks it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from datasette_otel_viewer import store as plugin

if TYPE_CHECKING:
    from datasette.app import Datasette
    from datasette.database import Database

    from telemetry.viewer.server.rows import Row, Spans

NAME = "telemetry"
"""Name of the database in Datasette's addresses."""
RETENTION_HOURS = 24
MAX_SPANS = 100_000
MAX_POINTS = 200_000
MAX_LOGS = 50_000
_PRUNE_EVERY = 30.0

_SCHEMA = """
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
create table if not exists logs (
  id text primary key,
  time_ns integer, severity integer, level text, logger text, body text,
  trace_id text, span_id text, site text, service_name text, attributes text, resource text
);
create index if not exists idx_logs_time_ns on logs (time_ns);
create index if not exists idx_logs_trace_id on logs (trace_id);
create index if not exists idx_spans_site on spans (json_extract(attributes, '$."corkboard.site"'));
"""
_EVENT_COLUMNS = ("trace_id", "span_id", "position", "time_ns", "name", "attributes")
_LINK_COLUMNS = (
    *("trace_id", "span_id", "position", "linked_trace_id", "linked_span_id"),
    "attributes",
)
_LOG_COLUMNS = (
    *("id", "time_ns", "severity", "level", "logger", "body", "trace_id", "span_id", "site"),
    *("service_name", "attributes", "resource"),
)


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

    @property
    def database(self) -> Database:
        """The database, for reading."""
        return self._datasette.databases[NAME]

    async def prepare(self) -> None:
        """Create all tables. Safe to call again."""
        database = await plugin.ensure_db(self._datasette)
        await database.execute_write_fn(
            lambda connection: connection.execute("pragma journal_mode = wal"), transaction=False
        )
        await database.execute_write_script(_SCHEMA)

    async def add_spans(self, spans: Spans) -> None:
        """Write spans, events and links. One that is sent again replaces the earlier one."""
        await plugin.insert_spans(self._datasette, spans.spans)
        await self._insert("events", _EVENT_COLUMNS, spans.events)
        await self._insert("links", _LINK_COLUMNS, spans.links)
        await self._prune()

    async def add_metrics(self, definitions: list[Row], points: list[Row]) -> None:
        """Write metrics. Points have no id and are always appended."""
        await plugin.insert_metrics(self._datasette, definitions, points)
        await self._prune()

    async def add_logs(self, records: list[Row]) -> None:
        """Write log records. One that is sent again changes nothing."""
        await self._insert("logs", _LOG_COLUMNS, records)
        await self._prune()

    async def _insert(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        if not rows:
            return
        names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        await self.database.execute_write_many(
            f"insert or replace into {table} ({names}) values ({values})",  # noqa: S608 - ours
            rows,
        )

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned < _PRUNE_EVERY:
            return
        self._pruned = time.monotonic()
        await self.prune()

    async def prune(self) -> None:
        """Delete data older than `RETENTION_HOURS`, and the oldest above the limits."""
        await plugin.maybe_prune(self._datasette, force=True)
        oldest = time.time_ns() - RETENTION_HOURS * 3_600_000_000_000

        def forget(connection: Any) -> None:
            for table in ("events", "links"):
                connection.execute(
                    f"delete from {table} where trace_id not in (select trace_id from traces)"  # noqa: S608
                )
            connection.execute("delete from logs where time_ns < ?", [oldest])
            connection.execute(
                "delete from logs where time_ns <= "
                "(select time_ns from logs order by time_ns desc limit 1 offset ?)",
                [MAX_LOGS],
            )

        await self.database.execute_write_fn(forget)
