"""The store in the viewer's own environment, and what it needs of the plugin there."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from telemetry.viewer.command import viewer_command, viewer_environment
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
import asyncio, json, runpy, sys, time

runpy.run_path(sys.argv[1])["_load_package"]()

from datasette.app import Datasette
from datasette_otel_viewer import store as plugin
from telemetry.viewer.server import store as ours
from telemetry.viewer.server.rows import Rows

# What the adapter was written for: another release that differs is found here.
assert set(plugin.COLUMNS) >= {"trace_id", "span_id", "parent_span_id", "db_query_text"}
assert set(plugin.METRIC_POINT_COLUMNS) >= {"metric_name", "time_ns", "value_int", "bucket_counts"}

DAY = 24 * 3600 * 10**9
now = time.time_ns()


def span(number, start):
    return {"trace_id": f"{number:032x}", "span_id": f"{number:016x}", "name": "x",
            "parent_span_id": None,
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
    await store.add(Rows(), now)
    await store.add(Rows(spans=[span(1, old), span(2, new)], events=[event(1), event(2)]), now)
    await store.add(Rows(logs=[log(9, old)] + [log(n, new + n) for n in range(5)]), now)
    await store.prune()

    async def column(sql):
        return [row[0] for row in (await store.database.execute(sql)).rows]

    print(await column("select name || span_id from spans"))
    print(await column("select span_id from events"))
    print(await column("select id from logs order by time_ns"))

    # A span of another trace with the same id, and its child; sent twice.
    clash = [span(7, new), span(8, new)]
    clash[0]["span_id"] = clash[1]["parent_span_id"] = f"{2:016x}"
    clash[1]["trace_id"] = clash[0]["trace_id"]
    for _ in range(2):
        await store.add(Rows(spans=[dict(each) for each in clash]), now)
    print(await column("select count(*) from spans"))
    print(await column("select name from spans where span_id = '%016x'" % 2))
    pairs = "from spans c join spans p on p.span_id = c.parent_span_id"
    print(await column(f"select count(*) {pairs} where p.trace_id = c.trace_id"))

    # Of what arrived first, a quarter goes at a time until the file is small enough.
    ours.MAX_LOGS = 1000
    many = [span(n, new) for n in range(100, 140)]
    for number, each in enumerate(many):
        large = log(100 + number, new) | {"body": "b" * 5_000}
        await store.add(Rows(spans=[each], logs=[large]), now + number)
    size = await store.used()
    ours.MAX_FILE_BYTES = size - 50_000
    await store.add(Rows(spans=[span(200, old + DAY * 3 // 2)]), now + 1000)
    assert await store.used() < ours.MAX_FILE_BYTES
    kept = await column("select trace_id from arrivals order by received_ns")
    assert 0 < len(kept) < 43, kept
    print(kept[-1] == f"{200:032x}", f"{139:032x}" in kept, f"{100:032x}" in kept)
    print(await column("select count(*) from logs where id = '100' or id = '139'"))

    # A file of an earlier release: its statements are listed anew, once, from its spans.
    long = "select " + "a" * 300
    of_spans = [span(number, new) for number in range(300, 303)]
    for each, text in zip(of_spans, (long + " from t", long + " from u", None)):
        each["db_query_text"] = text
    of_spans[2]["attributes"] = json.dumps({
        "corkboard.queries.count": 4, "corkboard.queries.execution_time": 0.1,
        "corkboard.queries.statements": [
            "select 1", "select " + "a" * 248 + "\N{HORIZONTAL ELLIPSIS}"],
        **{f"corkboard.queries.statements.{name}": [2, 2]
           for name in ("count", "execution_time", "max_execution_time")},
    })
    await store.add(Rows(spans=of_spans), now)
    await store.database.execute_write("pragma user_version = 0")
    await store.database.execute_write("drop table statements")
    await store.prepare()
    keys = await column("select key from statements where key is not null order by key")
    print(len(set(keys)), [len(key) for key in keys])
    await store.database.execute_write("delete from statements")
    await store.prepare()
    print(await column("select count(*) from statements"))


asyncio.run(main())
"""


def test_what_is_old_or_too_much_is_forgotten(tmp_path: Path) -> None:
    """Whole traces with their events, a day old; of log records the newest stay.

    An id of a span that is in two traces replaces neither, and the file has a limit.
    """
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
    forgotten, kept_apart, bounded = (
        [f"['x{second}']", f"['{second}']", "['2', '3', '4']"],
        ["[3]", "['x']", "[1]"],
        ["True True False", "[1]"],
    )
    assert done.stdout.splitlines()[:8] == [*forgotten, *kept_apart, *bounded]
    assert done.stdout.splitlines()[8:] == ["4 [8, 256, 256, 256]", "[0]"]
