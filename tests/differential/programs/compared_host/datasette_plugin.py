"""A Datasette plugin: routes, hooks, SQL functions, writes and background tasks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from datasette import Response, hookimpl
from datasette.app import Datasette
from opentelemetry import trace

from . import faults

if TYPE_CHECKING:
    import sqlite3

_released: dict[int, asyncio.Event] = {}
_refresh_schemas = Datasette.refresh_schemas


async def _refresh_schemas_at_start(self: Any, *, force: bool = False) -> None:
    if force or not self.internal_db_created:
        await _refresh_schemas(self, force=force)


# Datasette does this at most once a second, so the number of queries would depend on time.
Datasette.refresh_schemas = _refresh_schemas_at_start


@hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
def startup(datasette: Datasette) -> None:
    released = _released[id(datasette)] = asyncio.Event()

    async def background(_datasette: Datasette) -> None:
        await released.wait()
        faults.fail("in a background task")

    datasette.add_background_task(background, name="failing background")


@hookimpl  # type: ignore[untyped-decorator]
def prepare_connection(conn: sqlite3.Connection) -> None:
    def fails(name: str) -> None:
        faults.fail(name)

    conn.create_function("fails", 1, fails)


@hookimpl  # type: ignore[untyped-decorator]
def extra_template_vars(request: Any) -> dict[str, Any]:
    if request is not None and request.args.get("hook"):
        faults.fail("in a hook")
    return {}


@hookimpl  # type: ignore[untyped-decorator]
def register_routes() -> list[tuple[str, Any]]:
    return [(rf"^/-/plugin/{name}$", view) for name, view in _VIEWS.items()]


async def _fails(datasette: Datasette) -> None:
    faults.fail("in a route")


async def _template(datasette: Datasette) -> Response:
    return Response.html(await datasette.render_template("no-such-template.html"))


async def _execute_fn(datasette: Datasette) -> None:
    await datasette.get_database("meetings").execute_fn(lambda _conn: faults.fail("in execute_fn"))


async def _sql(datasette: Datasette) -> None:
    await datasette.get_database("meetings").execute("select no_such_column from minutes")


async def _function(datasette: Datasette) -> None:
    await datasette.get_database("meetings").execute("select fails('in an SQL function')")


async def _write(datasette: Datasette) -> Response:
    """A write that the request waits for."""
    database = datasette.get_internal_database()
    await database.execute_write("create table if not exists compared (id integer primary key)")
    await database.execute_write("insert into compared default values")
    return Response.text("written")


async def _write_in_background(datasette: Datasette) -> Response:
    """A write that the request does not wait for."""
    database = datasette.get_internal_database()
    await database.execute_write(
        "create table if not exists later (id integer primary key)", block=False
    )
    return Response.text("begun")


async def _failing_write(datasette: Datasette) -> None:
    database = datasette.get_internal_database()
    await database.execute_write_fn(lambda _conn: faults.fail("in a write"))


async def _failing_write_in_background(datasette: Datasette) -> Response:
    database = datasette.get_internal_database()
    await database.execute_write_fn(
        lambda _conn: faults.fail("in a write that nothing waits for"), block=False
    )
    # One thread writes in turn: this write is done after the one before.
    await database.execute_write("select 1")
    return Response.text("begun")


async def _client(datasette: Datasette) -> Response:
    inner = await datasette.client.get("/meetings/minutes.json?_size=1")
    return Response.text(f"inner {inner.status_code}")


async def _client_fails(datasette: Datasette) -> Response:
    inner = await datasette.client.get("/-/plugin/fails")
    return Response.text(f"inner {inner.status_code}")


async def _client_missing(datasette: Datasette) -> Response:
    inner = await datasette.client.get("/meetings/nothing")
    return Response.text(f"inner {inner.status_code}")


async def _span(datasette: Datasette) -> Response:
    with trace.get_tracer("compared.plugin").start_as_current_span("a span of a plugin"):
        rows = await datasette.get_database("meetings").execute("select count(*) from minutes")
    return Response.json({"rows": rows.single_value()})


async def _loop(datasette: Datasette) -> Response:
    """One query in a loop."""
    database = datasette.get_database("meetings")
    for number in range(7):
        await database.execute("select title from minutes where id = ?", [number])
    return Response.text("done")


async def _logs(datasette: Datasette) -> Response:
    faults.log_everything()
    return Response.text("logged")


async def _background(datasette: Datasette) -> Response:
    _released[id(datasette)].set()
    # Gives the task its turn.
    for _ in range(10):
        await asyncio.sleep(0)
    return Response.text("released")


async def _body(request: Any) -> Response:
    return Response.text(str(len(await request.post_body())))


_VIEWS = {
    "fails": _fails,
    "template": _template,
    "execute-fn": _execute_fn,
    "sql": _sql,
    "function": _function,
    "write": _write,
    "write-in-background": _write_in_background,
    "failing-write": _failing_write,
    "failing-write-in-background": _failing_write_in_background,
    "client": _client,
    "client-fails": _client_fails,
    "client-missing": _client_missing,
    "span": _span,
    "loop": _loop,
    "logs": _logs,
    "background": _background,
    "body": _body,
}
