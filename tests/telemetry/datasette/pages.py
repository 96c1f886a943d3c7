"""Spans of Datasette's pages, before and after aggregation, with the SDK's provider.

Runs in a separate process: Datasette reads the global provider once and keeps
it. Without edge and router: only the processor is this layer's.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from contextlib import suppress
from typing import Any

import httpx
from datasette import hookimpl
from datasette.app import Datasette
from datasette.database import QueryInterrupted
from datasette.plugins import pm
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import telemetry
from telemetry.settings.variables import FOLD_BELOW

PLANTED = 0.06
ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select max(x) from n"
PAGES = {
    "home": "/",
    "database": "/meetings",
    "table": "/meetings/minutes",
    "planted": "/meetings/minutes?planted=slow",
    "failing": "/meetings/minutes?planted=failing",
    "interrupted": "/meetings/minutes?planted=interrupted",
    "inside": "/meetings/minutes?planted=inside",
    "row": "/meetings/minutes.json?_size=1&_shape=array",
    "own": "/meetings/-/query?sql=select+1",
    "wrong": "/meetings/-/query.json?sql=select+nope",
    "truncated": "/meetings/-/query.json?sql=select+*+from+minutes",
    "missing": "/meetings/nothing",
}


class Planted:
    """A plugin with a page that runs given queries."""

    @hookimpl  # type: ignore[untyped-decorator]
    def prepare_connection(self, conn: sqlite3.Connection) -> None:
        conn.create_function("planted_slow", 0, lambda: time.sleep(PLANTED))

    @hookimpl  # type: ignore[untyped-decorator]
    def extra_template_vars(self, datasette: Datasette, request: Any) -> Any:
        async def found() -> dict[str, Any]:
            planted = request.args.get("planted") if request is not None else None
            database = datasette.get_database("meetings")
            if planted == "slow":
                await database.execute("select planted_slow()")
            elif planted == "failing":
                with suppress(sqlite3.OperationalError):
                    await database.execute("select planted_failing()")
            elif planted == "interrupted":
                with suppress(QueryInterrupted):
                    await database.execute(ENDLESS, custom_time_limit=5)
            elif planted == "inside":
                await database.execute_fn(_within)
            return {}

        return found


def _within(connection: sqlite3.Connection) -> None:
    with trace.get_tracer("a plugin's").start_as_current_span("the plugin's own"):
        connection.execute("select 1")


async def main(path: str, fold_below: float = FOLD_BELOW.default) -> None:
    raw, aggregated = InMemorySpanExporter(), InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(raw))
    exporting = SimpleSpanProcessor(aggregated)
    provider.add_span_processor(telemetry.DatasetteSpanProcessor(exporting, fold_below=fold_below))
    trace.set_tracer_provider(provider)
    telemetry.quiet_datasette_errors()
    pm.register(Planted())
    datasette = Datasette([path], settings={"num_sql_threads": 2})
    found = {}
    transport = httpx.ASGITransport(app=datasette.app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for name, address in PAGES.items():
            # The first request also starts the Datasette.
            answer = await client.get(address)
            found[name] = {
                "status": answer.status_code,
                "raw": [_plain(span) for span in raw.get_finished_spans()],
                "aggregated": [_plain(span) for span in aggregated.get_finished_spans()],
            }
            raw.clear()
            aggregated.clear()
    print(json.dumps(found))


def _plain(span: ReadableSpan) -> dict[str, Any]:
    assert span.context is not None
    return {
        "name": span.name,
        "kind": span.kind.name,
        "id": span.context.span_id,
        "parent": span.parent.span_id if span.parent else None,
        "status": span.status.status_code.name,
        "nanoseconds": (span.end_time or 0) - (span.start_time or 0),
        "attributes": dict(span.attributes or {}),
    }


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(float, sys.argv[2:])))
