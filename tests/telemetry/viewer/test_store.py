"""The store in the viewer's own environment, and what it needs of the plugin there."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from telemetry.viewer.command import viewer_command, viewer_environment
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
import asyncio, runpy, sys, time

runpy.run_path(sys.argv[1])["_load_package"]()

from datasette.app import Datasette
from datasette_otel_viewer import store as plugin
from telemetry.viewer.server import store as ours
from telemetry.viewer.server.rows import Spans

# What the adapter was written for: another release that differs is found here.
assert set(plugin.COLUMNS) >= {"trace_id", "span_id", "parent_span_id", "db_query_text"}
assert set(plugin.METRIC_POINT_COLUMNS) >= {"metric_name", "time_ns", "value_int", "bucket_counts"}

DAY = 24 * 3600 * 10**9
now = time.time_ns()


def span(number, start):
    return {"trace_id": f"{number:032x}", "span_id": f"{number:016x}", "name": "x",
            "kind": "SERVER", "start_ns": start, "end_ns": start + 1, "status": "UNSET",
            "attributes": "{}", "resource": "{}"}


def event(number):
    return {"trace_id": f"{number:032x}", "span_id": f"{number:016x}", "position": 0,
            "time_ns": now, "name": "e", "attributes": "{}"}


def log(number, moment):
    return {"id": str(number), "time_ns": moment, "severity": 9, "level": "INFO", "logger": "l",
            "body": "b", "trace_id": None, "span_id": None, "site": None, "service_name": None,
            "attributes": "{}", "resource": "{}"}


async def main():
    datasette = Datasette([], config={"plugins": ours.plugin_config(sys.argv[2])})
    await datasette.invoke_startup()
    store = ours.Store(datasette)
    await store.prepare()
    await store.prepare()
    ours.MAX_LOGS = 3
    old, new = now - 2 * DAY, now - DAY // 2
    # The first arrival prunes, and then none for a while.
    await store.add_logs([])
    await store.add_spans(Spans([span(1, old), span(2, new)], [event(1), event(2)], []))
    await store.add_logs([log(n, new + n) for n in range(5)] + [log(9, old)])
    await store.prune()

    async def column(sql):
        return [row[0] for row in (await store.database.execute(sql)).rows]

    print(await column("select name || span_id from spans"))
    print(await column("select span_id from events"))
    print(await column("select id from logs order by time_ns"))


asyncio.run(main())
"""


def test_what_is_old_or_too_much_is_forgotten(tmp_path: Path) -> None:
    """Whole traces with their events, a day old; of log records the newest stay."""
    done = subprocess.run(
        [
            *(viewer_command(print)[0], "-I", "-c", _PROGRAM),
            *(str(ROOT / "telemetry" / "viewer" / "within.py"), str(tmp_path / "viewer.db")),
        ],
        capture_output=True,
        text=True,
        env=viewer_environment(),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    second = f"{2:016x}"
    assert done.stdout.splitlines() == [f"['x{second}']", f"['{second}']", "['2', '3', '4']"]
