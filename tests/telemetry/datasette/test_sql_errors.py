"""Whose fault a failing query is, asked of what a real Datasette makes error pages of."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import warnings
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from datasette import hookimpl
from datasette.app import Datasette
from datasette.plugins import pm

from telemetry import quiet_datasette_errors
from telemetry.datasette.sql_errors import is_client_error, is_statement_refused
from tests.telemetry.asgi.driving import visit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

# A failing page's facets that it never came to.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:coroutine '.*Facet\.\w+' was never awaited:RuntimeWarning"
)


class Plugin:
    """Sees every exception that becomes a page, and runs SQL of its own."""

    def __init__(self) -> None:
        self.seen: list[Exception] = []

    @hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def handle_exception(self, exception: Exception) -> None:
        self.seen.append(exception)

    @hookimpl  # type: ignore[untyped-decorator]
    def prepare_connection(self, conn: sqlite3.Connection) -> None:
        # Five seconds otherwise, at a lock.
        conn.execute("pragma busy_timeout = 1")

    @hookimpl  # type: ignore[untyped-decorator]
    def extra_template_vars(self, datasette: Any, request: Any) -> Any:
        async def later() -> dict[str, Any]:
            if request is not None and request.args.get("hook"):
                await datasette.get_database("minutes").execute("select absent from pages")
            return {}

        return later

    @hookimpl  # type: ignore[untyped-decorator]
    def register_routes(self) -> list[tuple[str, Any]]:
        async def run(datasette: Any, request: Any) -> None:
            await datasette.get_database("minutes").execute(request.args["sql"])

        async def run_in_thread(datasette: Any, request: Any) -> None:
            database = datasette.get_database("minutes")
            await database.execute_fn(lambda conn: conn.execute(request.args["sql"]))

        return [("^/-/run$", run), ("^/-/run-in-thread$", run_in_thread)]


@pytest.fixture
def plugin() -> Iterator[Plugin]:
    quiet_datasette_errors()
    registered = Plugin()
    pm.register(registered)
    yield registered
    pm.unregister(registered)
    registered.seen.clear()
    with warnings.catch_warnings():
        # Datasette leaves the other facets of a page that fails unawaited: to be collected here,
        # and not within another test.
        warnings.simplefilter("ignore", RuntimeWarning)
        gc.collect()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A site's database of several pages, in both senses."""
    file = tmp_path / "minutes.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table pages (id integer primary key, text text)")
        connection.executemany("insert into pages (text) values (?)", [("call " * 400,)] * 50)
        connection.commit()
    return file


def failure(
    plugin: Plugin,
    path: Path,
    address: str,
    status: int = 500,
    while_: AbstractContextManager[None] | None = None,
) -> Exception:
    """The only exception of a visit, which is not the first that this Datasette has."""

    async def once() -> int:
        datasette = Datasette([str(path)], settings={"num_sql_threads": 1})
        try:
            app = datasette.app()
            assert (await visit(app, "/minutes")).status == 200
            where, _, query = address.partition("?")
            with while_ or nullcontext():
                client = await visit(app, where, query_string=query.encode())
            return client.status
        finally:
            datasette.close()

    assert asyncio.run(once()) == status
    [seen] = plugin.seen
    return seen


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("begin exclusive")
        yield


@pytest.mark.parametrize(
    "address",
    [
        "/minutes/pages?_facet=absent",
        "/minutes/pages.json?_facet=absent",
        "/minutes/pages?_facet_date=absent",
        "/minutes/pages?_facet_array=text",
        "/minutes/pages.csv?_facet_array=text",
        "/minutes/pages?_timelimit=-1",
        "/minutes/pages.json?_timelimit=-1",
    ],
)
def test_what_an_address_makes_fail_is_the_visitors(
    plugin: Plugin, path: Path, address: str
) -> None:
    """Datasette answers these with 500, and every crawler finds them."""
    assert is_client_error(failure(plugin, path, address))


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select absent from pages", "SQLITE_ERROR"),
        # SQLite has not read the file's schema yet.
        ("select absent", "SQLITE_SCHEMA"),
        ("nonsense", "SQLITE_ERROR"),
    ],
)
def test_a_statement_is_refused_by_any_of_its_codes(path: Path, sql: str, code: str) -> None:
    """On a connection that was just opened."""
    with (
        closing(sqlite3.connect(path)) as database,
        pytest.raises(sqlite3.OperationalError) as raised,
    ):
        database.execute(sql)
    assert raised.value.sqlite_errorname == code
    assert is_statement_refused(raised.value)


@pytest.mark.parametrize("route", ["/-/run", "/-/run-in-thread"])
@pytest.mark.parametrize("sql", ["select+absent+from+pages", "nonsense", "select+abs()"])
def test_a_plugins_query_is_the_plugins(plugin: Plugin, path: Path, route: str, sql: str) -> None:
    """The same errors by the same names, out of code that is not Datasette's."""
    error = failure(plugin, path, f"{route}?sql={sql}")
    assert getattr(error, "sqlite_errorname", None) == "SQLITE_ERROR"
    assert not is_client_error(error)


def test_a_plugins_hook_is_the_plugins(plugin: Plugin, path: Path) -> None:
    """On Datasette's own page, from within Datasette's own template."""
    error = failure(plugin, path, "/minutes/pages?hook=1")
    assert str(error) == "no such column: absent"
    assert not is_client_error(error)


@pytest.mark.parametrize(
    "address", ["/minutes/pages", "/minutes/pages/1.json", "/-/run?sql=select+*+from+pages"]
)
def test_a_damaged_file_is_the_operators(plugin: Plugin, path: Path, address: str) -> None:
    """Who wants to know before the second visitor does."""
    with path.open("r+b") as file:
        # After the first page, which holds the schema.
        file.seek(4096)
        file.write(b"\x55" * (path.stat().st_size - 4096))
    error = failure(plugin, path, address)
    assert getattr(error, "sqlite_errorname", None) == "SQLITE_CORRUPT"
    assert not is_client_error(error)


@pytest.mark.parametrize("address", ["/minutes", "/minutes/pages", "/minutes/pages.json"])
def test_a_lock_is_the_operators(plugin: Plugin, path: Path, address: str) -> None:
    """Somebody writes for longer than a page can wait."""
    error = failure(plugin, path, address, while_=locked(path))
    assert getattr(error, "sqlite_errorname", None) == "SQLITE_BUSY"
    assert not is_client_error(error)


@pytest.mark.parametrize(("address", "status"), [("/minutes/nothing", 404), ("/nothing", 404)])
def test_what_is_no_sqlite_error_is_nobodys_query(
    plugin: Plugin, path: Path, address: str, status: int
) -> None:
    """Whatever becomes of it, it is not this that says so."""
    assert not is_client_error(failure(plugin, path, address, status))


def test_a_time_limit_is_nobodys_fault(plugin: Plugin, path: Path) -> None:
    """A slow query is seen in its trace; as an error it would be one for each crawler."""
    endless = "with+recursive+n(x)+as+(select+1+union+all+select+x%2B1+from+n)+select+max(x)+from+n"
    error = failure(plugin, path, f"/-/run?sql={endless}")
    assert type(error).__name__ == "QueryInterrupted"
    assert is_client_error(error)
