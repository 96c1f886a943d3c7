"""`python -m benchmarks.growth`: a request's time and memory, by number of sites and of spans.

Each row is a process of its own, which calls the edge over an application that sets the site
and starts Datasette's spans.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import TYPE_CHECKING, Any

from benchmarks.command import run_once, say
from benchmarks.machine import machine, packages
from benchmarks.receivers import span_receiver
from tests.support.environment import clean_environment
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from telemetry.scope import ASGIApp, Receive, Scope, Send

SITES = (10, 100, 1_000, 10_000)
SPANS = (10, 100, 1_000)
# Site, requests of a chunk and chunks.
_CHUNKS = 11
_REQUESTS = 1_000
# Spans of a chunk.
_STARTED = 10_000
_STATEMENTS = [f"select column_{number} from minutes where id = :id" for number in range(20)]


def main(arguments: Sequence[str] | None = None) -> int:
    return run_once("growth", __doc__, _run, arguments, full="ten times the requests")


def _run(full: bool) -> Iterator[str]:
    times = 10 if full else 1
    yield "CPU µs of a request behind the edge, sending included, and memory that grows,"
    yield f"by number of registered sites ({_REQUESTS * times} requests a chunk, medians):"
    yield f"  {'sites':>7}{'µs':>9}{'MB before':>12}{'MB all visited':>16}{'bytes a request':>17}"
    for sites in SITES:
        found = _measure("sites", sites, times)
        yield (
            f"  {sites:>7}{found['microseconds']:>9.1f}{found['before'] / 1e6:>12.1f}"
            f"{found['visited'] / 1e6:>16.1f}{found['grown']:>17.1f}"
        )
    yield ""
    yield f"By number of spans in a page ({_STARTED * times} spans a chunk, medians):"
    yield f"  {'spans':>7}{'µs':>9}{'µs a span':>12}{'bytes held':>16}{'bytes a span':>17}"
    for spans in SPANS:
        found = _measure("spans", spans, times)
        yield (
            f"  {spans:>7}{found['microseconds']:>9.0f}{found['microseconds'] / spans:>12.2f}"
            f"{found['held']:>16,.0f}{found['held'] / spans:>17.1f}"
        )
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _measure(what: str, number: int, times: int) -> dict[str, float]:
    say(f"{number} {what}")
    with span_receiver() as receiver:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.growth", "--measure", what, str(number), str(times)],
            env=clean_environment(os.environ, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url),
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        if not receiver.take_count():
            raise RuntimeError("no span arrived")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class _Edge:
    """The edge over an application, called without a server."""

    def __init__(self, application: ASGIApp) -> None:
        import telemetry

        telemetry.configure(default_service_name="growth")
        self._app: ASGIApp = telemetry.asgi_wrapper(application)

    async def get(self, host: str) -> None:
        await self._app(request_scope(host), receive_nothing, send_nothing)


def request_scope(host: str) -> dict[str, Any]:
    """Return the scope of a request for a table page."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/meetings/minutes",
        "raw_path": b"/meetings/minutes",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", host.encode()), (b"user-agent", b"benchmark")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }


async def receive_nothing() -> dict[str, Any]:
    """Receive an empty body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send_nothing(_message: object) -> None:
    """Discard a message."""


async def answer(send: Send) -> None:
    """Answer a request."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"3")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n"})


async def _by_sites(sites: int, times: int) -> dict[str, float]:
    import telemetry

    names = [f"town{number:05}.ca" for number in range(sites)]

    async def application(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        telemetry.set_site(name)
        await answer(send)

    edge = _Edge(application)
    name = names[0]
    for _ in range(_REQUESTS):
        await edge.get(f"{name}.civic.band")
    _flush()
    before = _resident()
    for name in names:  # read by the application
        await edge.get(f"{name}.civic.band")
    _flush()
    visited = _resident()
    costs = []
    requests = _REQUESTS * times
    for chunk in range(_CHUNKS):
        began = time.process_time()
        for number in range(requests):
            name = names[(chunk * requests + number) % sites]
            await edge.get(f"{name}.civic.band")
        _flush()
        costs.append((time.process_time() - began) / requests * 1e6)
    return {
        "microseconds": median(costs),
        "before": before,
        "visited": visited,
        "grown": (_resident() - visited) / (_CHUNKS * requests),
    }


async def _by_spans(spans: int, times: int) -> dict[str, float]:
    from opentelemetry import metrics, trace

    held = 0

    async def application(_scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal held
        await receive()
        for number in range(spans // 2):
            # New texts and dictionaries each time, as Datasette's are.
            known = {"db.system": "sqlite", "db.namespace": "meetings"}
            statement = f"{_STATEMENTS[number % len(_STATEMENTS)]} "
            with (
                tracer.start_as_current_span(
                    "db.query", attributes={**known, "db.query.text": statement}
                ),
                tracer.start_as_current_span("db.query.execute"),
            ):
                pass
            durations.record(0.001, {**known, "datasette.operation": "read"})
        if tracemalloc.is_tracing():
            held = tracemalloc.get_traced_memory()[0]
        await answer(send)

    edge = _Edge(application)
    tracer = trace.get_tracer("datasette")
    durations = metrics.get_meter("datasette").create_histogram("db.client.operation.duration", "s")
    requests = max(1, _STARTED * times // spans)
    costs = []
    # The first is a warm-up.
    for _ in range(_CHUNKS + 1):
        began = time.process_time()
        for _ in range(requests):
            await edge.get("alameda.ca.civic.band")
        _flush()
        costs.append((time.process_time() - began) / requests * 1e6)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    await edge.get("alameda.ca.civic.band")
    return {"microseconds": median(costs[1:]), "held": held - before}


def _flush() -> None:
    from benchmarks.hosts.flushing import flush_items

    flush_items()


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        _, _, _what, _number, _times = sys.argv
        _measured = {"sites": _by_sites, "spans": _by_spans}[_what]
        print(json.dumps(asyncio.run(_measured(int(_number), int(_times)))))
        sys.exit(0)
    sys.exit(main())
