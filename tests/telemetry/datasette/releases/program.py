"""A Datasette behind the edge, and every way to query it, each in a request of its own.

Run by the Python of an environment with one release of Datasette. It prints the status of each
request as JSON.
"""

# ruff: noqa: E402 # telemetry is configured before the frameworks are imported
from __future__ import annotations

import asyncio
import importlib.util
import json
import sqlite3
import sys
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import telemetry

telemetry.configure(default_service_name="releases")

from datasette import Response, hookimpl
from datasette.app import Datasette
from datasette.database import QueryInterrupted
from datasette.plugins import pm
from opentelemetry import trace

from telemetry import private_api

if TYPE_CHECKING:
    from collections.abc import Callable

# Some seconds, if nothing ends it.
ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"
REQUESTS = (
    *(
        "/minutes/pages",
        "/minutes/pages.json?_facet=day",
        "/minutes/pages/1.json",
        "/nothing",
        "/a/b/c/d/e",
    ),
    *("/minutes/-/query.json?sql=select+1", "/minutes/-/query.json?sql=select+nothing+from+pages"),
    *("/minutes/pages.json?_facet_array=day", "/minutes/pages?day__in=["),
    *(
        "/-/actor.json",
        "/minutes.json",
        "/",
        "/minutes/pages.csv?_stream=1",
        "/minutes.json?_trace=1",
    ),
)


def count(connection: sqlite3.Connection) -> int:
    found: tuple[int] = connection.execute("select count(*) from pages").fetchone()
    return found[0]


def count_in_a_span(connection: sqlite3.Connection) -> int:
    with trace.get_tracer("plugin").start_as_current_span("counting"):
        return count(connection)


def insert(connection: sqlite3.Connection) -> None:
    connection.execute("insert into pages (day) values ('2026-04-01')")


def insert_an_orphan(connection: sqlite3.Connection) -> None:
    # SQLite says so at the commit, and not before.
    connection.execute("insert into votes (page) values (99999)")


def fail(connection: sqlite3.Connection) -> None:
    raise LookupError("planted")


async def one(db: Any) -> None:
    await db.execute("select * from pages where id = :id", {"id": 1})


async def several(db: Any) -> None:
    await asyncio.gather(*(db.execute(f"select {number} as x") for number in range(3)))


async def truncated(db: Any) -> None:
    await db.execute("select * from pages", truncate=True, page_size=2)


async def suppressed(db: Any) -> None:
    with suppress(sqlite3.OperationalError):
        await db.execute("select nothing from pages", log_sql_errors=False)


async def failing(db: Any) -> None:
    await db.execute("select nothing from pages")


async def limited(db: Any) -> None:
    with suppress(QueryInterrupted):
        await db.execute(ENDLESS, custom_time_limit=5)


async def interrupted(db: Any) -> None:
    await db.execute(ENDLESS)


async def function(db: Any) -> None:
    await db.execute_fn(count)


async def function_with_a_span(db: Any) -> None:
    await db.execute_fn(count_in_a_span)


async def failing_function(db: Any) -> None:
    await db.execute_fn(fail)


async def write(db: Any) -> None:
    await db.execute_write("insert into pages (day) values (?)", ["2026-02-01"])


async def script(db: Any) -> None:
    await db.execute_write_script("create table if not exists one (x); delete from one;")


async def many(db: Any) -> None:
    await db.execute_write_many("insert into pages (day) values (?)", [["a"], ["b"]])


async def written_function(db: Any) -> None:
    await db.execute_write_fn(insert)


async def failing_write(db: Any) -> None:
    await db.execute_write("insert into nothing values (1)")


async def failing_written_function(db: Any) -> None:
    await db.execute_write_fn(fail)


async def failing_commit(db: Any) -> None:
    await db.execute_write_fn(insert_an_orphan)


async def cancelled(db: Any) -> None:
    if not db.ds.setting("num_sql_threads"):
        return
    started, released = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        started.set()
        released.wait(60)
        insert(connection)

    task = asyncio.ensure_future(db.execute_write_fn(slow))
    await asyncio.to_thread(started.wait, 60)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    released.set()
    # Behind it in the queue.
    await db.execute_write_fn(insert)


async def isolated(db: Any) -> None:
    await db.execute_isolated_fn(count)


async def background(db: Any) -> None:
    await db.execute_write("insert into pages (day) values ('2026-03-01')", block=False)
    # Behind it in the queue.
    await db.execute_write_fn(insert)


WAYS: dict[str, Callable[[Any], Any]] = {
    way.__name__: way
    for way in (
        *(one, several, truncated, suppressed, failing, limited, interrupted),
        *(function, function_with_a_span, failing_function),
        *(write, script, many, written_function, failing_write, failing_written_function),
        *(failing_commit, cancelled, isolated, background),
    )
}
_WAYS = tuple(f"/-/ways/{way}" for way in WAYS)
ASKED = {
    "all": (*REQUESTS, "/-/calling", *_WAYS),
    "ways": _WAYS,
    "few": ("/minutes/pages", "/-/ways/several"),
}


class Plugin:
    """Serves an address for each way, and one that calls its own Datasette."""

    __name__ = "releases"

    @hookimpl  # type: ignore[untyped-decorator]
    def register_routes(self) -> list[Any]:
        async def way(datasette: Any, request: Any) -> Any:
            await WAYS[request.url_vars["way"]](datasette.get_database("minutes"))
            return Response.text("ok")

        async def calling(datasette: Any) -> Any:
            answers = [await datasette.client.get("/minutes/pages/1.json") for _ in range(2)]
            return Response.text(str([answer.status_code for answer in answers]))

        return [(r"^/-/ways/(?P<way>\w+)$", way), (r"^/-/calling$", calling)]

    @hookimpl  # type: ignore[untyped-decorator]
    def track_event(self, datasette: Any) -> Any:
        async def query() -> None:
            await datasette.get_database("minutes").execute_fn(count)

        return query


async def ask(application: Any, address: str) -> int:
    path, _, query = address.partition("?")
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"minutes.localhost")],
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.7", 50000),
    }
    await application(scope, receive, send)
    status: int = sent[0]["status"]
    return status


def main(folder: str, threads: int, without: str, asked: str) -> None:
    """Serve a table of pages out of `folder`, with that many threads for queries.

    `without` has the keys of private names that Datasette shall not have; `asked` says which
    requests are made: a key of `ASKED`.
    """
    for key in filter(None, without.split(",")):
        # As if it had another name now.
        object.__setattr__(private_api.TABLE[key], "path", "renamed")
    path = f"{folder}/minutes.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "create table pages (id integer primary key, day text);"
            "insert into pages (day) values ('2026-01-01'), ('2026-01-02'), ('2026-01-03');"
            "create table votes (page references pages (id) deferrable initially deferred);"
        )
    telemetry.instrument()
    pm.register(Plugin())

    @hookimpl  # type: ignore[untyped-decorator]
    def prepare_connection(conn: sqlite3.Connection) -> None:
        conn.execute("pragma foreign_keys = on")

    pm.register(type("Keys", (), {"prepare_connection": staticmethod(prepare_connection)})())
    settings = {"sql_time_limit_ms": 100, "trace_debug": True, "num_sql_threads": threads}
    datasette = Datasette(files=[path], settings=settings)
    site = datasette.app()

    async def route(scope: Any, receive: Any, send: Any) -> None:
        telemetry.set_site("minutes")
        await site(scope, receive, send)

    application = telemetry.asgi_wrapper(route)

    async def requests() -> dict[str, int]:
        # What a host does in its lifespan; and the first request, once more.
        await datasette.invoke_startup()
        return {address: await ask(application, address) for address in ASKED[asked]}

    answers = asyncio.run(requests())
    undelivered = telemetry.flush(60)
    own = importlib.util.find_spec("datasette.telemetry") is not None
    print(json.dumps({"answers": answers, "undelivered": undelivered, "own": own}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
