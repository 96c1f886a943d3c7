"""A Datasette plugin that fails: in routes, hooks, SQL functions, writes and background tasks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from datasette import Response, hookimpl

from tests.end_to_end.failing import faults

if TYPE_CHECKING:
    import sqlite3

    from datasette.app import Datasette

_released: dict[int, asyncio.Event] = {}


@hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
def startup(datasette: Datasette) -> None:
    released = _released[id(datasette)] = asyncio.Event()

    async def background(_datasette: Datasette) -> None:
        await released.wait()
        faults.fail("background")

    datasette.add_background_task(background, name="failing background")


@hookimpl  # type: ignore[untyped-decorator]
def prepare_connection(conn: sqlite3.Connection) -> None:
    def fails(name: str) -> None:
        faults.fail(name)

    conn.create_function("fails", 1, fails)


@hookimpl  # type: ignore[untyped-decorator]
def extra_template_vars(request: Any) -> dict[str, Any]:
    if request is not None and request.args.get("hook"):
        faults.fail("hook")
    return {}


@hookimpl  # type: ignore[untyped-decorator]
def register_routes() -> list[tuple[str, Any]]:
    return [(rf"^/-/fails/{name}$", view) for name, view in _VIEWS.items()]


async def _route(datasette: Datasette) -> None:
    faults.fail("route")


async def _names_its_site(request: Any) -> None:
    site = request.headers["host"].partition(".localhost")[0]
    raise faults.FaultError(f"the minutes of {site} are missing")


async def _two(request: Any) -> None:
    """One page, one class and no text: only their lines tell them apart."""
    pages = 0 if request.args["fault"] == "first" else 1
    assert pages
    assert not pages


async def _template(datasette: Datasette) -> None:
    raise ZeroDivisionError("planted")


async def _execute_fn(datasette: Datasette) -> None:
    await datasette.get_database("meetings").execute_fn(lambda _conn: faults.fail("execute-fn"))


async def _sql(datasette: Datasette) -> None:
    await datasette.get_database("meetings").execute("select plugins_own from minutes")


async def _function(datasette: Datasette) -> None:
    await datasette.get_database("meetings").execute("select fails('function')")


async def _write(datasette: Datasette) -> None:
    database = datasette.get_internal_database()
    await database.execute_write_fn(lambda _conn: faults.fail("write"))


async def _unawaited_write(datasette: Datasette) -> Response:
    database = datasette.get_internal_database()
    await database.execute_write_fn(lambda _conn: faults.fail("unawaited-write"), block=False)
    # The one thread writes in turn: this is done after it.
    await database.execute_write("select 1")
    return Response.text("begun")


async def _client(datasette: Datasette) -> Response:
    """The page survives what it asked for."""
    inner = await datasette.client.get("/-/fails/inner")
    return Response.text(f"inner {inner.status_code}")


async def _inner(datasette: Datasette) -> None:
    faults.fail("inner")


async def _background(datasette: Datasette) -> Response:
    _released[id(datasette)].set()
    await asyncio.sleep(0.01)
    return Response.text("released")


_VIEWS = {
    "route": _route,
    "names-its-site": _names_its_site,
    "two": _two,
    "template": _template,
    "execute-fn": _execute_fn,
    "sql": _sql,
    "function": _function,
    "write": _write,
    "unawaited-write": _unawaited_write,
    "client": _client,
    "inner": _inner,
    "background": _background,
}
