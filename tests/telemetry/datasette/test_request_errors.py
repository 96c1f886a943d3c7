"""Which failures of a stock Datasette the request has caused, and which are the host's."""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import traceback
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

import pytest
from datasette import hookimpl
from datasette.app import Datasette
from datasette.plugins import pm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry import quiet_datasette_errors
from telemetry.datasette.request_errors import Typed, is_caused_by_request
from telemetry.errors.grouping import request_group
from tests.telemetry.asgi.driving import Client, http_scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# A failing page's facets that it never came to.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:coroutine '.*Facet\.\w+' was never awaited:RuntimeWarning"
)

SCHEMA = """
create table pages (
    id integer primary key, text text, date text, tags text, number integer, content blob
);
create table pairs (a text, b text, value integer, primary key (a, b));
create table faceted (id integer primary key, value integer);
create table children (id integer primary key, page integer references pages (id));
"""


class Plugin:
    """Sees every exception that becomes a page, and fails where it is asked to."""

    def __init__(self) -> None:
        self.seen: list[Exception] = []

    @hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def handle_exception(self, exception: Exception) -> None:
        if getattr(exception, "status", 500) == 500:
            self.seen.append(exception)

    @hookimpl  # type: ignore[untyped-decorator]
    def prepare_connection(self, conn: sqlite3.Connection) -> None:
        # Five seconds otherwise, at a lock.
        conn.execute("pragma busy_timeout = 1")

    @hookimpl  # type: ignore[untyped-decorator]
    def actor_from_request(self, request: Any) -> dict[str, str] | None:
        return {"id": "root"} if request.headers.get("x-root") else None

    @hookimpl  # type: ignore[untyped-decorator]
    def extra_template_vars(self, datasette: Any, request: Any) -> Any:
        async def later() -> dict[str, Any]:
            size = request.args.get("hook") if request is not None else None
            if size == "sql":
                await datasette.get_database("minutes").execute("select nope from pages")
            return {"size": int(size) if size else 0}

        return later


class Site:
    """One stock Datasette, and the exceptions behind its error pages."""

    def __init__(self, path: Path, plugin: Plugin, loop: asyncio.AbstractEventLoop) -> None:
        config = {"databases": {"minutes": {"tables": {"faceted": {"facets": ["removed"]}}}}}
        self.path = path
        self._plugin = plugin
        self._loop = loop
        limits = {
            "num_sql_threads": 1,
            "facet_time_limit_ms": 60_000,
            "sql_time_limit_ms": 60_000,
            "suggest_facets": False,
        }
        # A file, where a folder is wanted.
        mounts = [("-/static-plugins/broken", str(path))]
        self.datasette = Datasette(
            [str(path)], settings=limits, config=config, static_mounts=mounts
        )
        self.datasette.root_enabled = True
        self._app = self.datasette.app()

    def ask(self, request: Request) -> tuple[int, BaseException | None]:
        """Return the status and the exception of a response."""
        self._plugin.seen.clear()
        path, _, query = request.address.partition("?")
        scope = http_scope(
            unquote(path),
            method=request.method,
            headers=[*request.headers],
            query_string=query.encode(),
            raw_path=request.raw_path or path.encode(),
        )
        client = Client({"type": "http.request", "body": request.body})
        try:
            self._loop.run_until_complete(self._app(scope, client.receive, client.send))
        except Exception as error:
            return 500, error
        return client.status, self._plugin.seen[-1] if self._plugin.seen else None

    def is_caused_by(self, request: Request) -> bool:
        """Whether a request that fails has caused its failure."""
        status, error = self.ask(request)
        assert status == 500, request
        assert error is not None
        return _judged(request, error)


def _judged(request: Request, error: BaseException) -> bool:
    path, _, query = request.address.partition("?")
    scope = http_scope(
        path,
        method=request.method,
        query_string=query.encode(),
        raw_path=request.raw_path or path.encode(),
    )
    return is_caused_by_request(error, scope, request.body)


class Request(NamedTuple):
    """A request to a site."""

    address: str
    method: str = "GET"
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    raw_path: bytes = b""


ROOT = ((b"x-root", b"1"), (b"sec-fetch-site", b"same-origin"))
JSON = (*ROOT, (b"content-type", b"application/json"))
FORM = (*ROOT, (b"content-type", b"application/x-www-form-urlencoded"))


def _table(parameters: Mapping[str, tuple[str, ...]], page: str) -> Iterator[Request]:
    for name, values in parameters.items():
        for value in values:
            yield Request(f"{page}?{name}={quote(value)}")


MALFORMED = [
    *_table(
        {
            "_timelimit": ("x", "1.5", "-1", "1e9", "²", "select 1", "{}", "a" * 900),
            "_facet": ("nope", "x", "{}"),
            "_facet_array": ("nope", "x", "text", "", ",", "{}"),
            "_facet_date": ("nope", "x", "{}"),
            "_through": ("x", "0", "1e9", '"x"', "null", "1,2", "[", "{}", '{"table": "x"}'),
            "_json_infinity": ("x", "", "maybe"),
            "text__in": ("[", "[[["),
            "text__notin": ("[x",),
            "number__gt": ("99999999999999999999",),
            "_where": ("\0",),
        },
        "/minutes/pages.json",
    ),
    *_table({"_facet": ("nope", "{}"), "_through": ("null",)}, "/minutes/pages"),
    *_table({"_timelimit": ("x", "{}")}, "/minutes/-/query.json"),
    Request("/", "FOO"),
    Request("/-/permissions", "BREW"),
    Request("/minutes/-/query", "POST"),
    Request("/-/permissions", "POST", headers=FORM),
    Request("/minutes/-/execute-write", "POST", b"\xff\xfe", headers=FORM),
    Request("/minutes/-/execute-write", "POST", b"a=\xff", headers=JSON),
    Request("/minutes/-/create", "POST", b'{"table": "\xff"}', headers=JSON),
    Request("/minutes/pages/-/drop", "POST", b"[]", headers=JSON),
    Request("/minutes/pages/-/drop", "POST", b'"x"', headers=JSON),
    Request("/minutes/x", raw_path=b"/minutes/\xc3\xa9"),
    Request("/minutes/pages.nope"),
    Request("/minutes/pages.x"),
    Request("/minutes/pages.atom?_size=5"),
    Request("/-/static/app.css/x"),
    Request("/-/static/app.css/..%2f"),
    Request(f"/-/static/{'a' * 300}"),
    Request(f"/-/static/{'a' * 300}/{'b' * 300}.js"),
]
"""At least forty, each answered with 500."""

HOSTS = [
    # Facets are configured for a column that is gone.
    Request("/minutes/faceted"),
    Request("/minutes/faceted?_facet=id"),
    Request("/minutes/faceted?_size=50&value=1"),
    # A plugin, with what was typed.
    Request("/minutes/pages?hook=x"),
    Request("/minutes/pages?hook=sql"),
    Request("/minutes/pages?hook=x&_size=5"),
]
"""Failures of the host, some of them of pages that have parameters."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    quiet_datasette_errors()
    path = tmp_path_factory.mktemp("site") / "minutes.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        connection.executemany(
            "insert into pages (text, date, tags, number) values (?, ?, ?, ?)",
            [(f"page {n} " * 200, f"2024-01-{n % 28 + 1:02}", '["a", "b"]', n) for n in range(40)],
        )
        connection.execute("insert into pairs values ('a', 'b', 1)")
        connection.execute("insert into children (page) values (1)")
        connection.commit()
    plugin = Plugin()
    pm.register(plugin)
    loop = asyncio.new_event_loop()
    made = Site(path, plugin, loop)
    assert made.ask(Request("/minutes/pages.json"))[0] == 200
    yield made
    made.datasette.close()
    loop.close()
    pm.unregister(plugin)
    plugin.seen.clear()
    with warnings.catch_warnings():
        # Datasette leaves the other facets of a page that fails unawaited: to be collected here,
        # and not within another test.
        warnings.simplefilter("ignore", RuntimeWarning)
        gc.collect()


def test_a_malformed_request_causes_its_failure(site: Site) -> None:
    """Parameters, methods and bodies that Datasette answers with 500, of each kind."""
    assert len(MALFORMED) >= 40
    assert [each for each in MALFORMED if not site.is_caused_by(each)] == []


def test_a_failure_of_the_host_stays_one(site: Site) -> None:
    """Whatever parameters the request has."""
    assert [each for each in HOSTS if site.is_caused_by(each)] == []


def test_a_malformed_request_to_a_damaged_file_is_the_hosts(site: Site, tmp_path: Path) -> None:
    """It fails before what was typed matters, or would have failed without it."""
    path = tmp_path / "minutes.db"
    path.write_bytes(site.path.read_bytes())
    loop = asyncio.new_event_loop()
    plugin = Plugin()
    pm.register(plugin)
    try:
        damaged = Site(path, plugin, loop)
        with path.open("r+b") as file:
            # After the first page, which holds the schema.
            file.seek(4096)
            file.write(b"\x55" * (path.stat().st_size - 4096))
        assert not damaged.is_caused_by(Request("/minutes/pages.json?number__gt=5"))
        damaged.datasette.close()
    finally:
        pm.unregister(plugin)
        loop.close()


def test_an_exception_without_datasette_is_the_hosts() -> None:
    """Of the host's own code, which has read the same parameter."""
    scope = http_scope("/", query_string=b"size=x")
    with pytest.raises(ValueError, match="x") as raised:
        int("x")
    assert not is_caused_by_request(raised.value, scope)
    assert not is_caused_by_request(ValueError("x"), scope)


def test_a_static_folder_that_is_none_is_the_hosts(site: Site) -> None:
    """Every name fails there."""
    assert not site.is_caused_by(Request("/-/static-plugins/broken/app.css"))


def test_each_line_of_datasette_is_one_group(site: Site) -> None:
    """Whatever was typed, and however the decoder fails: on the wire and of the log records."""
    typed = ("[", "x", "1 2", '"', '{"a"', '{"a":1,}', "\\", "[1 2]", '"\\u12"', "tru")
    groups = {}
    for name in ("_through", "text__in"):
        errors = []
        for value in typed:
            start = "[" if name == "text__in" else ""
            request = Request(f"/minutes/pages.json?{name}={start}{quote(value)}")
            status, error = site.ask(request)
            if status == 500 and isinstance(error, json.JSONDecodeError):
                assert _judged(request, error)
                errors.append(error)
        # The decoder fails at several of its lines.
        assert len({_last_line(error) for error in errors}) > 1
        found = {tuple(request_group(error)) for error in errors}
        [groups[name]] = found
    assert groups["_through"] != groups["text__in"]
    assert all(group[-1] == "request" for group in groups.values())


def _last_line(error: BaseException) -> tuple[str, int]:
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return frame.f_code.co_filename, line


def test_a_large_request_takes_no_longer_than_its_limits() -> None:
    """Two hundred parameters are compared with so many values, and no more."""
    query = "&".join(f"p{number}={'x' * 200}{number}" for number in range(1000)).encode()
    typed = Typed(http_scope("/", query_string=query))
    rows = [[f"row {number} {column}" for column in range(50)] for number in range(100)]
    assert not typed.is_in(rows)
    # The comparisons are used up.
    assert not typed.is_in("x" * 200 + "7 and more")
    assert Typed(http_scope("/", query_string=query)).is_in("x" * 200 + "7 and more")


PARAMETERS = st.sampled_from(
    [
        *("_timelimit", "_facet", "_facet_array", "_facet_date", "_facet_size", "_size", "_next"),
        *("_sort", "_sort_desc", "_where", "_through", "_search", "_search_text", "_searchmode"),
        *("_fts_table", "_fts_pk", "_col", "_nocol", "_label", "_labels", "_shape", "_stream"),
        *("_dl", "_ttl", "_trace", "_header", "_blob_column", "_blob_hash", "_json"),
        *("_json_infinity", "_nl", "_extra", "_nocount", "_nofacet", "_nosuggest", "_memory"),
        *("_row", "_filter_column", "_filter_op", "_filter_value", "_filter_column_1", "sql"),
        *("text__in", "text__notin", "text__contains", "text__gt", "text__arraycontains"),
        *("text__date", "date__date", "number__gt", "number__in", "nope__exact", "text__nope"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *("", "x", "nope", "[", "{}", "[1,2]", '{"a":1}', "-1", "0", "1e9", "9" * 20, "null"),
            *("\0", "'", '"', "select 1", "select nope", "select :a", "1,2", "*", "~zz", "on"),
            *("array", "object", "objects", "text", "id", "tags", '"x"', "1.5", "²", ",", "AND"),
            *('{"table":"children","column":"page","value":"1"}', '{"table":"x"}', "inf", "True"),
            *("select * from pages where id = :id", "[[[", "a" * 2000),
        ]
    ),
    st.text(max_size=6),
    st.integers().map(str),
)
PAGES = st.sampled_from(
    [
        *("/minutes/pages.json", "/minutes/pages.csv", "/minutes/pages", "/minutes/pages/1.json"),
        *("/minutes/pairs/a,b.json", "/minutes/-/query.json", "/minutes.json", "/.json"),
        *("/minutes/pages/1.blob", "/minutes/pairs.json", "/-/jump.json"),
    ]
)
REQUESTS = st.builds(
    lambda page, pairs, method: Request(
        f"{page}?" + "&".join(f"{quote(key)}={quote(value)}" for key, value in pairs), method
    ),
    PAGES,
    st.lists(st.tuples(PARAMETERS, VALUES), min_size=1, max_size=2),
    st.sampled_from(["GET"] * 8 + ["HEAD", "PUT", "FOO"]),
)


@pytest.mark.timeout(3600)
def test_what_a_fuzzer_finds_is_caused_by_it(site: Site, soak: bool) -> None:
    """Nothing fails on these pages without what was typed."""
    failed: list[Request] = []
    not_found: list[Request] = []

    @settings(
        max_examples=20_000 if soak else 150,
        derandomize=not soak,
        deadline=None,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(REQUESTS)
    def ask(request: Request) -> None:
        status, error = site.ask(request)
        if status == 500:
            failed.append(request)
            if error is None or not _judged(request, error):
                not_found.append(request)

    ask()
    assert failed
    assert not_found == []
