"""The host's log lines, and the log records that a receiver got of them."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.end_to_end.failing.job import APP as FAILING
from tests.end_to_end.failing.job import SETTINGS as FAILING_SETTINGS
from tests.end_to_end.hosts import Host, visitor
from tests.support import web
from tests.support.processes import HOST as ADDRESS
from tests.support.processes import refusing_port
from tests.support.servers import APP, Server, serve_gunicorn, serve_uvicorn
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import httpx

    from telemetry.testing import OTLPReceiver

Line = dict[str, Any]

AT_ONCE = 100
ACCESS = "telemetry.access"
# Enough for all at once, on a machine that may be busy: what is dropped is another suite's.
ROOM = {"OTEL_BSP_MAX_QUEUE_SIZE": "50000", "OTEL_BLRP_MAX_QUEUE_SIZE": "50000"}

# With how many requests; it is the first that production has.
SERVERS: dict[str, tuple[Callable[..., AbstractContextManager[Server]], int]] = {
    "UvicornWorker": (serve_gunicorn, 1000),
    "UvicornWorker-preload": (partial(serve_gunicorn, preload=True), 100),
    "asgi": (partial(serve_gunicorn, worker_class="asgi"), 100),
}
# gunicorn's master speaks for itself; and the last that uvicorn says, before it ends by the
# signal that it got, comes after everything was sent.
UNSENT = (
    "gunicorn.error ",
    "uvicorn.error Application shutdown complete.",
    "uvicorn.error Finished server process",
)


def lines_of(server: Server) -> list[Line]:
    """Read all that was printed. Raises ValueError for what is not JSON."""
    return [json.loads(line) for line in server.output().splitlines()]


async def _visit(server: Server, host: Host, number: int) -> Counter[int]:
    """Visit all kinds of page, many at once; how often each status came."""
    site = f"{host.site}.localhost"
    kinds = (
        ("localhost", "/health/"),
        ("localhost", "/nothing"),
        (site, f"/meetings/minutes/{host.row}.json"),
        (site, "/meetings/nothing"),
        ("unknown.localhost", "/"),
    )
    gate = asyncio.Semaphore(AT_ONCE)
    async with web.async_client(base_url=server.url, timeout=5 * PATIENCE) as client:

        async def visit(index: int) -> int:
            name, path = kinds[index % len(kinds)]
            async with gate:
                headers = {"host": f"{name}:{server.port}"}
                return (await client.get(path, headers=headers)).status_code

        return Counter(await asyncio.gather(*map(visit, range(number))))


@pytest.mark.parametrize(("serve", "number"), SERVERS.values(), ids=SERVERS)
def test_every_request_has_one_line_and_one_record_with_its_trace(
    host: Host,
    receiver: OTLPReceiver,
    serve: Callable[..., AbstractContextManager[Server]],
    number: int,
) -> None:
    """A thousand over two workers: printed, received, and of the very trace that was received."""
    everything = {"TELEMETRY_ACCESS_LOG": "all", **ROOM}
    with serve(env=host.variables(receiver, **everything)) as server:
        answered = asyncio.run(_visit(server, host, number))
        server.stop()
        lines = lines_of(server)
    fifth = number // 5
    assert answered == {200: 2 * fifth, 404: 2 * fifth, 302: fifth}
    access = [line for line in lines if line["logger"] == ACCESS]
    traces = [span.trace_id for span in receiver.spans if span.kind == "SERVER"]
    assert len(access) == len(traces) == number
    assert {line["trace_id"] for line in access} == set(traces)
    assert Counter(line["http.response.status_code"] for line in access) == answered
    assert Counter(line["corkboard.outcome"] for line in access) == {
        "served": 4 * fifth,
        "unknown_site": fifth,
    }
    assert Counter(line.get("corkboard.site") for line in access) == {
        host.site: 2 * fifth,
        None: 3 * fifth,
    }
    assert all(line["trace_kept"] for line in access)
    # And the same as records.
    printed = Counter(
        (line["logger"], line["message"], line.get("trace_id", ""), line.get("span_id", ""))
        for line in lines
        if not f"{line['logger']} {line['message']}".startswith(UNSENT)
    )
    arrived = Counter(
        (log.scope, log.body, log.trace_id, log.span_id)
        for log in receiver.logs
        if not log.event_name and log.scope != "gunicorn.error"
    )
    assert printed == arrived


class Running(NamedTuple):
    """A running host, and a browser at it."""

    server: Server
    visit: Callable[[str, str], httpx.Response]

    def lines(self) -> list[Line]:
        """Stop it, and give the lines of the requests."""
        self.server.stop()
        return [line for line in lines_of(self.server) if "trace_id" in line]


@contextmanager
def running(host: Host, app: str = APP, **variables: str) -> Iterator[Running]:
    env = host.variables(**variables)
    with serve_uvicorn(app, env=env) as server, visitor(server) as browser:
        yield Running(server, browser.get)


@pytest.mark.parametrize("sent", [False, True], ids=["nothing configured", "sent"])
def test_a_failure_is_told_once_with_its_traceback(
    host: Host, receiver: OTLPReceiver, sent: bool
) -> None:
    """Whichever side it is on, and whether or not anything is sent; in one line each."""
    variables = {"DJANGO_SETTINGS_MODULE": FAILING_SETTINGS}
    if sent:
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.url
    pages = {("localhost", "/fails/sync-view/"), (f"{host.site}.localhost", "/-/fails/route")}
    with running(host, FAILING, **variables) as served:
        for name, path in pages:
            assert served.visit(path, name).status_code == 500
        lines = served.lines()
    for _, path in pages:
        logged = [line for line in lines if path in line["message"]]
        error, access = sorted(logged, key=lambda line: line["logger"] == ACCESS)
        assert (error["level"], access["level"]) == ("ERROR", "WARNING")
        assert error["trace_id"] == access["trace_id"]
        assert error["exception.stacktrace"].count("FaultError: ") == 1
        assert "exception.stacktrace" not in access
        assert access["corkboard.outcome"] == "error"


def test_nobody_is_blamed_for_what_a_visitor_asked_for(host: Host) -> None:
    """4xx: no traceback and no error, be it a missing page, a forged name or too many fields."""
    with running(host) as served:
        for name, path in (
            ("localhost", "/nothing"),
            (f"{host.site}.localhost", "/meetings/nothing"),
            ("evil.example", "/"),
            ("localhost", "/?" + "a=1&" * 2000),
            (f"{host.site}.localhost", "/meetings/minutes?_sort=nothing"),
        ):
            assert 400 <= served.visit(path, name).status_code < 500
        lines = served.lines()
    assert len([line for line in lines if line["logger"] == ACCESS]) == 5
    assert {line["level"] for line in lines} <= {"INFO", "WARNING"}
    assert [line for line in lines if "exception.stacktrace" in line] == []


def test_a_visitors_own_query_that_failed_has_no_traceback(host: Host) -> None:
    """Datasette answers some with 500: a facet by a column that is not there."""
    with running(host) as served:
        path = "/meetings/minutes?_facet=absent"
        assert served.visit(path, f"{host.site}.localhost").status_code == 500
        served.server.stop()
        # On standard error Datasette prints the statement, without a word of the request.
        lines = map(json.loads, served.server.program.stdout().splitlines())
        logged, access = (line for line in lines if "trace_id" in line)
    assert (logged["logger"], logged["level"]) == ("datasette", "WARNING")
    assert logged["message"] == "Query failed: /meetings/minutes: no such column: absent"
    assert "exception.stacktrace" not in logged
    assert access["trace_id"] == logged["trace_id"]


def test_the_consoles_tree_says_what_the_line_would(host: Host) -> None:
    """Under DEBUG there is one of the two; without the tree, the line."""
    with running(host, DEBUG="1") as served:
        assert served.visit("/health/", "localhost").status_code == 200
        served.server.stop()
        printed = served.server.output()
    assert ACCESS not in printed
    assert printed.count("GET /health/ 200") == 1
    with running(host, DEBUG="1", TELEMETRY_CONSOLE="off") as served:
        assert served.visit("/health/", "localhost").status_code == 200
        served.server.stop()
        printed = served.server.output()
    assert f" {ACCESS} GET /health/ 200" in printed
    assert printed.count("GET /health/ 200") == 1


def test_a_dead_backend_is_not_the_logs_subject(host: Host) -> None:
    """At DEBUG, under fire: a few lines say so, each once, and nothing more comes of them."""
    dead = f"http://{ADDRESS}:{refusing_port()}"
    variables = {
        "OTEL_EXPORTER_OTLP_TIMEOUT": "500",
        "LOGLEVEL": "DEBUG",
        "TELEMETRY_SHUTDOWN_TIMEOUT": "2s",
    }
    with running(host, OTEL_EXPORTER_OTLP_ENDPOINT=dead, **variables) as served:
        visits, until = 0, time.monotonic() + 2
        while time.monotonic() < until:
            assert served.visit("/health/", "localhost").status_code == 200
            visits += 1
        served.server.stop()
        lines = lines_of(served.server)
    own = [
        line for line in lines if line["logger"].partition(".")[0] in ("opentelemetry", "urllib3")
    ]
    # Up to the first number: an address, or the seconds until the next try.
    places = Counter((line["logger"], re.split(r"\d", line["message"])[0]) for line in own)
    assert set(places.values()) == {1}, places
    assert len([line for line in lines if line["logger"] == ACCESS]) == visits
