"""`python -m benchmarks.workers`: gunicorn's two ASGI workers, and their shutdown under load."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, Signals
from statistics import median
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.command import run_in_rounds, say
from benchmarks.machine import machine, packages
from benchmarks.measure import Target, measure
from benchmarks.pages import choose_pages
from benchmarks.pairs import PROCESSES, of_a_way
from benchmarks.receivers import span_receiver
from telemetry.testing import OTLPReceiver
from tests.support.host import prepare_host
from tests.support.servers import UVICORN_WORKER, Server, serve_gunicorn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.pages import Page

CLASSES = {"UvicornWorker": UVICORN_WORKER, "asgi": "asgi"}
VISITORS = 8
SECONDS = 3.0
# The time that gunicorn gives a worker to end.
PATIENCE = 35.0


@dataclass(frozen=True, slots=True)
class Ending:
    """A way to end workers under load."""

    title: str
    number: Signals | None
    ends: bool = True
    args: Sequence[str] = ()


ENDINGS = (
    Ending("TERM, as a container stops", SIGTERM),
    Ending("INT, as Ctrl-C", SIGINT),
    Ending("HUP, workers anew", SIGHUP, ends=False),
    Ending("--max-requests 200", None, ends=False, args=("--max-requests", "200")),
)


@dataclass(slots=True)
class Visits:
    """Responses to clients with keep-alive. `refused` counts connections that were not accepted."""

    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def add(self, outcome: str) -> None:
        with self.lock:
            self.counts[outcome] += 1


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("workers", __doc__, _run, arguments)


def _run(rounds: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        env = prepare_host(Path(name))
        pages = choose_pages(env)
        yield from _cpu(env, pages, rounds)
        yield ""
        yield f"Ended while {VISITORS} visitors ask for a row, each on a connection of its own:"
        yield f"  {'':<28}{'':<15}{'served':>8}{'cut off':>9}{'traced':>9}{'seconds':>9}"
        for ending in ENDINGS:
            for title, worker in CLASSES.items():
                say(f"{ending.title}, {title}")
                yield _ended(env, pages[1], title, worker, ending)
        yield "  Cut off: a request was sent, and its connection ended without an answer."
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _cpu(env: Mapping[str, str], pages: Sequence[Page], rounds: int) -> Iterator[str]:
    with ExitStack() as stack:
        targets = {
            f"{title} {number}": _start(stack, env, worker)
            for number in range(PROCESSES)
            for title, worker in CLASSES.items()
        }
        samples = measure(targets, pages, rounds, say)
        memory = {
            title: targets[f"{title} 0"].client.usage()["resident_megabytes"] for title in CLASSES
        }
    one, other = CLASSES
    yield f"CPU ms a request (medians of {rounds} rounds of two processes each, interleaved):"
    yield f"  {'':<28}{one:>15}{other:>9}{'ratio':>8}{'min-max':>13}"
    for page in pages:
        first, second = (of_a_way(page, title, samples) for title in CLASSES)
        ratios = [b / a for a, b in zip(first, second, strict=True)]
        yield (
            f"  {page.title:<28}{median(first):>15.3f}{median(second):>9.3f}"
            f"{median(ratios):>8.2f}{f'{min(ratios):.2f}-{max(ratios):.2f}':>13}"
        )
    yield f"  {'a worker afterwards, MB':<28}{memory[one]:>15.0f}{memory[other]:>9.0f}"


def _start(stack: ExitStack, env: Mapping[str, str], worker: str) -> Target:
    receiver = stack.enter_context(span_receiver())
    server = stack.enter_context(
        serve_gunicorn(
            "benchmarks.hosts.ours:application",
            env={**env, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url},
            workers=1,
            worker_class=worker,
        )
    )
    return Target(stack.enter_context(closing(Client(server.port))), receiver)


def _ended(env: Mapping[str, str], page: Page, title: str, worker: str, ending: Ending) -> str:
    """Return a line: the responses, and the number of requests whose trace arrived."""
    with OTLPReceiver() as receiver:
        variables = {**env, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        with serve_gunicorn(
            env=variables, workers=2, worker_class=worker, args=ending.args
        ) as server:
            visits, seconds = _visited(server, page, ending)
        traced = sum(span.kind == "SERVER" for span in receiver.spans)
    took = f"{seconds:.1f}" if ending.ends else "-"
    return (
        f"  {ending.title:<28}{title:<15}{visits.counts['served']:>8}"
        f"{visits.counts['cut off']:>9}{traced:>9}{took:>9}"
    )


def _visited(server: Server, page: Page, ending: Ending) -> tuple[Visits, float]:
    visits = Visits()
    visitors = [
        threading.Thread(target=_visit, args=(server.port, page, visits)) for _ in range(VISITORS)
    ]
    for visitor in visitors:
        visitor.start()
    time.sleep(SECONDS / 2)
    began = time.perf_counter()
    if ending.number is not None and ending.ends:
        server.stop(ending.number, timeout=PATIENCE)
    elif ending.number is not None:
        server.signal(ending.number)
    seconds = time.perf_counter() - began
    if not ending.ends:
        time.sleep(SECONDS)
    visits.over.set()
    for visitor in visitors:
        visitor.join()
    if not ending.ends:
        server.stop(timeout=PATIENCE)
    return visits, seconds


def _visit(port: int, page: Page, visits: Visits) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    while not visits.over.is_set():
        try:
            connection.connect()
        except OSError:
            visits.add("refused")
            time.sleep(0.05)
            continue
        _ask(connection, page, visits)
        connection.close()


def _ask(connection: HTTPConnection, page: Page, visits: Visits) -> None:
    """Send requests on one connection until it ends, or until the server announces its end."""
    while not visits.over.is_set():
        try:
            connection.request("GET", page.path, headers={"Host": page.host})
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            visits.add("cut off")
            return
        visits.add("served" if answer.status == page.status else f"{answer.status}")
        if answer.will_close:
            return


if __name__ == "__main__":
    sys.exit(main())
