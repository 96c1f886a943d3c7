"""Older releases of Datasette are recorded as the newest records itself."""

from __future__ import annotations

import json
import subprocess

import pytest

from telemetry import private_api
from telemetry.datasette import backport
from telemetry.testing import OTLPReceiver
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.telemetry.datasette.releases.run import (
    GAUGES,
    SITE,
    UNKNOWN,
    UNROUTED,
    Run,
    python_with,
    recorded,
    run_of,
)
from tests.telemetry.datasette.releases.table import NEWEST, OLDER, table, with_table

EACH = pytest.mark.parametrize("release", [*OLDER, "newest"])
EACH_OLDER = pytest.mark.parametrize("release", OLDER)
GUIDE = ROOT / "docs" / "guides" / "django-datasette.md"


@EACH
def test_the_answers_are_the_same(release: str) -> None:
    """Of every page and every way to query, the failing ones among them."""
    assert run_of(release).answers == run_of(NEWEST).answers
    assert {200, 400, 404, 500} == set(run_of(release).answers.values())


@EACH
def test_each_way_to_query_has_the_spans_of_the_newest_release(release: str) -> None:
    """Names, kinds, parents, statuses, exceptions and attributes; reads, writes, functions."""
    found, wanted = run_of(release).ways(), run_of(NEWEST).ways()
    for way, tree in wanted.items():
        assert found[way] == tree, way
    # All of them, and something of each.
    assert found.keys() == wanted.keys()
    assert all(tree[-1] for tree in found.values())
    assert run_of(release).background_writes() == run_of(NEWEST).background_writes()
    assert len(run_of(release).background_writes()) == 2


def test_without_threads_the_spans_are_the_same() -> None:
    """Datasette can run queries on the event loop: `num_sql_threads` of 0."""
    found, wanted = run_of("1.0a28", threads=0), run_of(NEWEST, threads=0)
    # Without threads, Datasette 1.0a28 answers 500 to a write that is not waited for.
    different = {way for way, status in wanted.answers.items() if found.answers[way] != status}
    assert different <= {"/-/ways/background"}
    for way in ("one", "several", "suppressed", "failing", "interrupted", "function"):
        assert found.ways()[way] == wanted.ways()[way], way


@EACH
def test_each_request_has_one_span_with_its_route(release: str) -> None:
    """Datasette's own pages, under the names of the newest release."""
    found, wanted = run_of(release).requests(), run_of(NEWEST).requests()
    for address, span in wanted.items():
        assert found[address].name == span.name, address
        for key in ("http.route", "corkboard.site", "corkboard.outcome", "error.type"):
            assert found[address].attributes.get(key) == span.attributes.get(key), (address, key)
    assert found[UNROUTED].name == "GET"
    assert found["/minutes/pages.json?_facet=day"].name == "GET /{database}/{table}"


@EACH
def test_the_metrics_are_the_same_but_for_what_only_datasette_knows(release: str) -> None:
    """Durations of queries, waits of writes and interruptions, by database and site."""
    found, wanted = run_of(release).points(), run_of(NEWEST).points()
    missing = set() if run_of(release).own else GAUGES
    assert wanted.keys() - found.keys() == missing
    assert wanted.keys() >= GAUGES
    for name, points in found.items():
        assert points == wanted[name], name


@EACH
def test_fast_queries_are_folded(release: str) -> None:
    """Into statistics on the request's span: count, databases, statements, repeated ones."""
    requests = run_of(release, folded=True).requests()
    known = requests["/-/ways/several"].attributes
    assert known["corkboard.queries.count"] == 3
    assert known["corkboard.queries.databases"] == [SITE]
    assert known["corkboard.queries.rows"] == 3
    table = requests["/minutes/pages"].attributes
    assert table["corkboard.queries.count"] > 10  # type: ignore[operator]
    assert "__INTERNAL__" in table["corkboard.queries.databases"]  # type: ignore[operator]
    assert "corkboard.queries.repeated" in table


@EACH_OLDER
def test_a_query_that_ran_is_as_long_as_it_took(release: str) -> None:
    """The execution lies within the query; one that was interrupted took its limit."""
    run = run_of(release)
    for way, least in (("one", 0), ("interrupted", 0.1), ("write", 0), ("isolated", 0)):
        [query] = [
            span
            for span in run.below(run.requests()[f"/-/ways/{way}"])
            if span.attributes.get("db.namespace") == SITE
        ]
        phases = run.below(query)
        assert all(query.start_ns <= span.start_ns <= span.end_ns for span in phases)
        assert max(span.end_ns for span in phases) <= query.end_ns
        assert max(span.end_ns - span.start_ns for span in phases) >= least * 1e9


def test_queries_can_be_left_out() -> None:
    """By a variable: requests are recorded as before, and start-up says so."""
    run = Run("1.0a28", TELEMETRY_DATASETTE_QUERIES="false")
    assert {span.kind for span in run.receiver.spans} == {"SERVER", "INTERNAL"}
    names = {span.name for span in run.receiver.spans if span.kind == "INTERNAL"}
    assert names == {"datasette.client GET /{database}/{table}/{pks}", "counting"}
    assert run.points() == {}
    assert [span.name for span in run.requests().values()] == [
        span.name for span in run_of("1.0a28").requests().values()
    ]
    assert "TELEMETRY_DATASETTE_QUERIES=false" in run.output


@EACH
def test_start_up_says_in_one_line_what_is_missing(release: str) -> None:
    """And from which release on it is there."""
    lines = [line for line in run_of(release).output.splitlines() if "telemetry of its own" in line]
    if run_of(release).own:
        assert lines == []
        return
    [line] = lines
    assert line.startswith(f"Datasette {release} has no telemetry of its own:")
    assert "1.0a41" in line


READS = {"one", "several", "truncated", "suppressed", "failing", "limited", "interrupted"}
FUNCTIONS = {"function", "function_with_a_span", "failing_function"}
WRITES = {"write", "failing_write", "background"}
WRITTEN = {"written_function", "failing_written_function", "failing_commit", "cancelled"}
# What a host's Datasette lacks, and the ways to query that then differ; None for every request.
LOST: dict[tuple[str, ...], set[str] | None] = {
    ("DATASETTE_ROUTER", "DATASETTE_APP"): None,
    ("DATASETTE_ROUTES", "DATASETTE_STARTUP"): None,
    ("DATASETTE_EXECUTE", "DATASETTE_EXECUTE_WRITE"): READS | WRITES,
    (
        "DATASETTE_EXECUTE_WRITE_SCRIPT",
        "DATASETTE_EXECUTE_WRITE_MANY",
        "DATASETTE_EXECUTE_ISOLATED_FN",
    ): {"script", "many", "isolated"},
    ("DATASETTE_EXECUTE_FN", "DATASETTE_EXECUTE_WRITE_FN"): {
        *(READS | FUNCTIONS | WRITES | WRITTEN),
        *("script", "many"),
    },
}


@pytest.mark.parametrize("keys", LOST, ids="+".join)
def test_a_host_does_without(keys: tuple[str, ...]) -> None:
    """It starts, says once what is missing, loses that, and does all else as before."""
    complete, run = run_of("1.0a28"), Run("1.0a28", without=",".join(keys), asked="ways")
    assert run.answers == {address: complete.answers[address] for address in run.answers}
    warnings = [line for line in run.output.splitlines() if "has no usable" in line]
    assert len(warnings) == len(keys)
    for key, warning in zip(keys, warnings, strict=True):
        assert warning.startswith("datasette 1.0a28 ")
        assert warning.endswith(f"Without it, {private_api.TABLE[key].lost}.")
    found, wanted = run.ways(), complete.ways()
    different = {way for way, tree in wanted.items() if found[way] != tree}
    assert different == (wanted.keys() if LOST[keys] is None else LOST[keys])


def test_every_name_is_taken_away() -> None:
    """Those that the backport wraps, which are those of the table for older releases."""
    names = {private_api.DATASETTE_ROUTER, *backport.REQUESTS, *backport.QUERIES}
    keys = {key for key, name in private_api.TABLE.items() if name in names}
    assert keys == {key for group in LOST for key in group}
    assert keys == {key for key, name in private_api.TABLE.items() if name.releases}
    assert len(names) == len(keys)


def _ran(release: str, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = clean_environment(OTEL_PYTHON_DJANGO_INSTRUMENT="false", **variables)
    command = [str(python_with(release)), "-c", program]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(("release", "code"), [("1.0a28", 1), (NEWEST, 0)])
def test_an_application_that_is_older_than_the_call_is_an_error(release: str, code: int) -> None:
    """It would have no routes, in silence. Datasette's own telemetry needs no call."""
    program = (
        "import telemetry; telemetry.configure(); from datasette.app import Datasette;"
        "application = Datasette(memory=True).app(); telemetry.instrument()"
    )
    done = _ran(release, program, OTEL_TRACES_EXPORTER="console")
    assert done.returncode == code, done.stderr
    if code:
        assert "Datasette 1.0a28 was instrumented too late" in done.stderr


WITHOUT_EDGE = """
import asyncio, sys, telemetry
telemetry.configure()
from datasette.app import Datasette
telemetry.instrument()
application = Datasette(memory=True).app()

async def ask(method, path):
    scope = {
        "type": "http", "method": method, "scheme": "http", "path": path, "query_string": b"",
        "headers": [(b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
        "http_version": "1.1",
        # As a server has it where the path is not UTF-8.
        "raw_path": path.encode("ascii", "replace"),
    }
    async def receive():
        return {"type": "http.request", "body": b""}
    async def send(message):
        pass
    await application(scope, receive, send)

asyncio.run(ask("GET", "/_memory.json"))
asyncio.run(ask("PLANTED", "/-/" + chr(0xdcff)))
sys.exit(telemetry.flush(60))
"""


def test_without_an_edge_datasette_has_a_server_span() -> None:
    """With attributes from closed sets, valid text, and not in a client's trace."""
    with OTLPReceiver() as receiver:
        done = _ran("1.0a28", WITHOUT_EDGE, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
        assert done.returncode == 0, done.stderr
        page, other = (span for span in receiver.spans if span.kind == "SERVER")
    assert page.name == "GET /{database}"
    assert page.attributes["http.response.status_code"] == 200
    assert page.attributes["url.path"] == "/_memory.json"
    assert other.attributes["http.request.method"] == "_OTHER"
    assert other.attributes["url.path"] == "/-/?"
    assert {page.parent_span_id, other.parent_span_id} == {""}


LINES_ONLY = """
import asyncio, logging, logging.config, telemetry
telemetry.configure()
logging.config.dictConfig(telemetry.logging_config())
from datasette import Response, hookimpl
from datasette.app import Datasette
from datasette.plugins import pm
telemetry.instrument()

def say(where):
    logging.getLogger("host").warning(where)

class Plugin:
    __name__ = "lines"

    @hookimpl
    def register_routes(self):
        async def around(datasette, request):
            memory = datasette.get_database("_memory")
            say("around")
            await memory.execute_fn(lambda connection: say("within a query"))
            await datasette.client.get("/-/within")
            await asyncio.gather(*(memory.execute("select 1") for _ in range(3)))
            say("after")
            return Response.text("ok")

        async def within(datasette, request):
            say("within a request")
            return Response.text("ok")

        return [("^/-/around$", around), ("^/-/within$", within)]

pm.register(Plugin())
application = telemetry.asgi_wrapper(Datasette(memory=True).app())

async def ask(path):
    async def receive():
        return {"type": "http.request", "body": b""}
    async def send(message):
        pass
    await application({
        "type": "http", "method": "GET", "scheme": "http", "path": path, "query_string": b"",
        "headers": [], "http_version": "1.1", "raw_path": path.encode(),
    }, receive, send)

async def several():
    for _ in range(2):
        await ask("/-/around")

asyncio.run(several())
"""


@EACH
@pytest.mark.parametrize("disabled", ["", "true"], ids=["nothing configured", "disabled"])
def test_with_log_lines_only_those_of_a_request_have_its_ids(release: str, disabled: str) -> None:
    """Within the requests that it makes of Datasette, too, and within Datasette's own spans."""
    variables = {"OTEL_SDK_DISABLED": disabled, "TELEMETRY_RAISE_FAILURES": "1"}
    done = _ran(release, LINES_ONLY, **variables)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    by_trace: dict[str | None, list[str]] = {}
    for line in lines:
        if line["logger"] in ("host", "telemetry.access"):
            message = line["message"].split(" 200 ")[0]
            by_trace.setdefault(line.get("trace_id"), []).append(message)
    queries = ["within a query"]
    # Older releases have no spans of queries here, and their threads no context.
    assert by_trace.pop(None, []) == ([] if run_of(release).own else queries * 2)
    each = ["around", *(queries if run_of(release).own else []), "within a request", "after"]
    assert [*by_trace.values()] == [[*each, "GET /-/around"]] * 2
    routes = {line["http.route"] for line in lines if line["logger"] == "telemetry.access"}
    assert len(routes) == 1
    assert "around" in routes.pop()


def test_the_guides_table_is_what_was_found() -> None:
    """Written by `python -m tests.telemetry.datasette.releases`."""
    found = {release: recorded(release) for release in (*OLDER, NEWEST)}
    assert with_table(GUIDE.read_text(), table(found)) == GUIDE.read_text()
    assert {"datasette.param_sets"} == UNKNOWN
