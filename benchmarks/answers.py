"""`python -m benchmarks.answers`: pages of hosts whose backends answer oddly, or not at all.

The hosts run side by side and are asked in turn, request by request: whatever else the machine
does meets all of them.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.command import run_in_rounds, say
from benchmarks.machine import machine, packages
from benchmarks.pages import Page, choose_pages
from tests.support.host import prepare_host
from tests.support.odd_server import Odd, OddServer, answer
from tests.support.processes import HOST
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection

    from tests.support.odd_server import Request

    Reply = Callable[[Request], Odd]

ROUNDS = 10
REQUESTS = (60, 50, 6)
"""Number of requests for each page in a round, to each host."""
SCHEDULE_DELAY = 500
"""Milliseconds between two exports: there are some in each round."""
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9999\r\n\r\n"
_PROTOBUF = partial(answer, Content_Type="application/x-protobuf")

# The second healthy backend shows what two equal hosts differ by.
REPLIES: Mapping[str, Reply] = {
    "healthy": lambda _: _PROTOBUF(),
    "healthy, again": lambda _: _PROTOBUF(),
    "a byte a second": lambda _: Odd((_HEAD, *(b"{" for _ in range(9999))), pause=1.0),
    "status 503": lambda _: answer(503),
    "silent": lambda _: Odd((b"x",), pause=3600.0),
    "a web page": lambda _: answer(200, b"<html><p>Sign in</p></html>", Content_Type="text/html"),
}
BARE = "no telemetry"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    return run_in_rounds("answers", __doc__, _lines, arguments, least=ROUNDS)


def _lines(rounds: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, _backends() as backends:
        env = prepare_host(Path(name))
        pages = choose_pages(env)
        with ExitStack() as stack:
            ports = {BARE: stack.enter_context(serve_uvicorn(env=env, args=_ARGUMENTS)).port}
            for backend, url in backends.urls.items():
                say(f"host beside: {backend}")
                variables = {
                    **env,
                    "OTEL_EXPORTER_OTLP_ENDPOINT": url,
                    "OTEL_BSP_SCHEDULE_DELAY": str(SCHEDULE_DELAY),
                    "OTEL_BLRP_SCHEDULE_DELAY": str(SCHEDULE_DELAY),
                    "OTEL_METRIC_EXPORT_INTERVAL": str(SCHEDULE_DELAY),
                }
                server = stack.enter_context(serve_uvicorn(env=variables, args=_ARGUMENTS))
                ports[backend] = server.port
            times = _measure(ports, pages, rounds)
        attempts = backends.attempts()
    yield from fill(
        f"Milliseconds for a page: median and 99th percentile of {rounds} rounds of "
        f"{' + '.join(map(str, REQUESTS))} requests, by the backend that the host sends to every "
        f"{SCHEDULE_DELAY} ms. Attempts are requests that the backend got.",
        80,
    ).splitlines()
    yield ""
    yield f"  {'':<17}" + "".join(f"{_short(page):>18}" for page in pages) + f"{'':>10}"
    yield f"  {'backend':<17}" + f"{'p50':>10}{'p99':>8}" * len(pages) + f"{'attempts':>10}"
    for backend in ports:
        cells = "".join(_cell(times[backend, page.title]) for page in pages)
        yield f"  {backend:<17}{cells}{attempts.get(backend, ''):>10}"
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


_ARGUMENTS = ("--no-access-log",)


def _short(page: Page) -> str:
    return {"/health/": "Django view", "/meetings/minutes": "table page"}.get(page.path, "JSON row")


def _cell(seconds: Sequence[float]) -> str:
    cuts = quantiles(seconds, n=100, method="inclusive")
    return f"{1000 * cuts[49]:>10.1f}{1000 * cuts[98]:>8.1f}"


def _measure(
    ports: Mapping[str, int], pages: Sequence[Page], rounds: int
) -> dict[tuple[str, str], list[float]]:
    """Return the seconds of each request, by backend and page."""
    found: dict[tuple[str, str], list[float]] = {
        (backend, page.title): [] for backend in ports for page in pages
    }
    order = [*ports]
    with ExitStack() as stack:
        connections = {
            backend: stack.enter_context(closing(HTTPConnection(HOST, port, timeout=300)))
            for backend, port in ports.items()
        }
        # The first one is not counted: caches are filled, and what is imported late is imported.
        for number in range(rounds + 1):
            say(f"round {number}")
            for page, requests in zip(pages, REQUESTS, strict=True):
                for _ in range(requests):
                    # None is always asked after the same other one.
                    order.append(order.pop(0))
                    for backend in order if number % 2 else reversed(order):
                        seconds = _seconds(connections[backend], page)
                        if number:
                            found[backend, page.title].append(seconds)
    return found


def _seconds(connection: HTTPConnection, page: Page) -> float:
    began = time.perf_counter()
    connection.request("GET", page.path, headers={"Host": page.host})
    response = connection.getresponse()
    response.read()
    seconds = time.perf_counter() - began
    if response.status != page.status:
        raise RuntimeError(f"{page.path}: {response.status}")
    return seconds


class _Backends:
    """The backends, in a process of their own: what they do is not in the client's times."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.urls: Mapping[str, str] = pipe.recv()

    def attempts(self) -> Mapping[str, int]:
        """Return the number of requests that each got, and end the process."""
        self._pipe.send("end")
        found: Mapping[str, int] = self._pipe.recv()
        return found


@contextmanager
def _backends() -> Iterator[_Backends]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield _Backends(ours)
    finally:
        process.kill()
        process.join()


def _serve(pipe: Connection) -> None:
    with ExitStack() as stack:
        servers = {
            backend: stack.enter_context(OddServer(reply)) for backend, reply in REPLIES.items()
        }
        pipe.send({backend: server.url for backend, server in servers.items()})
        pipe.recv()
        pipe.send({backend: len(server.requests) for backend, server in servers.items()})


if __name__ == "__main__":
    sys.exit(main())
