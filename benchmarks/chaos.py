"""`python -m benchmarks.chaos`: stops and outages, beside other exporters.

Each exporter runs in a process of its own, makes items at a steady rate, and has a backend of its
own on loopback. What has arrived is counted by the items' names.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from textwrap import fill
from typing import TYPE_CHECKING, ClassVar

from benchmarks import outages
from benchmarks.command import run_once, say
from benchmarks.machine import machine
from telemetry.export.decoding import MESSAGES
from tests.support.environment import clean_environment
from tests.support.processes import HOST, free_port
from tests.support.venvs import venv_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

AZURE = "azure-monitor-opentelemetry-exporter==1.0.0b58"
APITALLY = "apitally[starlette]==1.0.0"
STOPPED_WITHIN = 120.0
"""Seconds that a stop may take; then the process is killed."""
_ITEM = re.compile(rb"item-(\d{6})")


@dataclass(frozen=True, slots=True)
class Exporter:
    """One of those that are compared."""

    name: str
    maker: Callable[[str, str], object]
    has_folder: bool = False
    requirement: str | None = None
    """What its environment has, if it is not this one."""

    def python(self) -> str:
        """Return the interpreter that runs it."""
        return str(venv_of([self.requirement])) if self.requirement else sys.executable


EXPORTERS = (
    Exporter("OpenTelemetry's SDK", outages.sdk),
    Exporter("Logfire's SDK", outages.logfire),
    Exporter("Azure Monitor", outages.azure, has_folder=True, requirement=AZURE),
    Exporter("Apitally", outages.apitally, requirement=APITALLY),
    Exporter("ours, no spool", outages.ours),
    Exporter("ours, with a spool", outages.ours, has_folder=True),
)


@dataclass(frozen=True, slots=True)
class Outage:
    """How long the backend is away, and what happens meanwhile."""

    items: int
    rate: int
    recovery: float
    """Seconds after the recovery until which items are counted."""
    schedule_delay: int
    """Milliseconds."""


COMPRESSED = Outage(items=4000, rate=200, recovery=150, schedule_delay=500)
FULL = Outage(items=15_000, rate=50, recovery=300, schedule_delay=5000)


class Backend:
    """A port where a backend is away, silent or there, and what has arrived."""

    def __init__(self) -> None:
        self.port = free_port()
        self.arrived: set[int] = set()
        self.is_silent = False
        self.over = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Be there."""
        handler = type("Handler", (_Handler,), {"backend": self})
        self._server = ThreadingHTTPServer((HOST, self.port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Be away for good."""
        self.over.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def count(self, items: int) -> int:
        """Return how many of the first items have arrived."""
        return sum(number < items for number in list(self.arrived))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend: ClassVar[Backend]

    def do_GET(self) -> None:
        # Logfire's SDK asks whether its token is valid.
        self._reply(b'{"project_name": "x", "project_url": "http://127.0.0.1/"}')

    def do_POST(self) -> None:
        body = self._body()
        if self.backend.is_silent:
            self.backend.over.wait()
            self.close_connection = True
            return
        self.backend.arrived |= _items(self.path, body)
        count = body.count(b'"iKey"')
        answer = {"itemsReceived": count, "itemsAccepted": count, "errors": []}
        self._reply(json.dumps(answer).encode() if "track" in self.path else b"")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.headers.get("Content-Encoding"):
            case "gzip":
                return gzip.decompress(body)
            case "deflate":
                return zlib.decompress(body)
        return body

    def _reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if body else "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


def _items(path: str, body: bytes) -> set[int]:
    if "track" in path:
        return set(map(int, _ITEM.findall(body)))
    if "traces" not in path:
        return set()
    return {
        int(number)
        for resource in MESSAGES["traces"].FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        # Logfire's SDK sends an item when it begins, too.
        if not any(each.value.string_value == "pending_span" for each in span.attributes)
        for number in _ITEM.findall(span.SerializeToString())
    }


class Running:
    """A process that makes items."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def emit(self, first: int, count: int, rate: int) -> None:
        """Make items at a rate, and return when they are made."""
        self._say(f"emit {first} {count} {rate}")
        self.wait()

    def wait(self) -> None:
        """Wait for its next line."""
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError(f"it ended with {self._process.wait()}")

    def stop(self) -> float:
        """End it as a server ends, and return the seconds that it took."""
        began = time.monotonic()
        self._say("stop")
        try:
            self._process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return time.monotonic() - began

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


@contextmanager
def run(exporter: Exporter, backend: Backend, folder: str, outage: Outage) -> Iterator[Running]:
    """Run a process of an exporter until the block ends."""
    environ = clean_environment(
        OTEL_BSP_SCHEDULE_DELAY=str(outage.schedule_delay),
        # They would be sent elsewhere.
        APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true",
        APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED="true",
        PYDANTIC_DISABLE_PLUGINS="logfire-plugin",
        NO_PROXY="*",
    )
    program = [exporter.python(), outages.__file__, exporter.maker.__name__, backend.url]
    process = subprocess.Popen(
        [*program, folder if exporter.has_folder else ""],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        running = Running(process)
        running.wait()
        yield running
    finally:
        process.kill()
        process.communicate()


def stop(exporter: Exporter, outage: Outage, *, silent: bool) -> float:
    """Return the seconds of a stop while the backend is away, or silent."""
    backend = Backend()
    backend.is_silent = silent
    if silent:
        backend.start()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            run(exporter, backend, folder, outage) as running,
        ):
            running.emit(0, 100, 100)
            # An attempt is under way, or has failed.
            time.sleep(outage.schedule_delay / 1000 + 2)
            return running.stop()
    finally:
        backend.close()


def survive(exporter: Exporter, outage: Outage, *, restart: bool) -> float:
    """Return the per cent of items that arrive after an outage.

    With ``restart``, the process ends during the outage, and another one runs afterwards.
    """
    backend = Backend()
    try:
        with tempfile.TemporaryDirectory() as folder:
            with run(exporter, backend, folder, outage) as running:
                running.emit(0, outage.items, outage.rate)
                if restart:
                    running.stop()
                else:
                    backend.start()
                    _recover(running, backend, outage)
            if restart:
                backend.start()
                with run(exporter, backend, folder, outage) as running:
                    _recover(running, backend, outage)
        return 100 * backend.count(outage.items) / outage.items
    finally:
        backend.close()


def _recover(running: Running, backend: Backend, outage: Outage) -> None:
    """Wait until all items of the outage have arrived, or its time is over, and stop.

    Items are made meanwhile: some exporters try again what failed only when an export succeeds.
    """
    deadline = time.monotonic() + outage.recovery
    first = outage.items
    while backend.count(outage.items) < outage.items and time.monotonic() < deadline:
        running.emit(first, 10, 10)
        first += 10
    running.stop()


def lines(outage: Outage) -> Iterator[str]:
    """Measure, and yield the lines of the page."""
    measures: dict[str, Callable[[Exporter], float]] = {
        "refused": partial(stop, outage=outage, silent=False),
        "silent": partial(stop, outage=outage, silent=True),
        "outage": partial(survive, outage=outage, restart=False),
        "restart": partial(survive, outage=outage, restart=True),
    }
    found: dict[str, list[float]] = {}
    for name, measure in measures.items():
        say(name)
        # They wait most of the time.
        with ThreadPoolExecutor(len(EXPORTERS)) as pool:
            found[name] = [*pool.map(measure, EXPORTERS)]
    seconds = outage.items / outage.rate
    yield from fill(
        "Seconds that a process takes to stop after 100 items, while its backend refuses "
        "connections and while it does not answer; and per cent of items that arrive within "
        f"{outage.recovery:.0f} s after an outage of {seconds:.0f} s with {outage.rate} items a "
        "second: in the same process, and in the next one, if the process stops before the "
        f"outage ends. Schedule delay {outage.schedule_delay} ms, everything else as by default.",
        86,
    ).splitlines()
    yield ""
    yield f"{'':<22}{'refused':>10}{'silent':>10}{'outage':>10}{'restart':>10}"
    yield f"{'':<22}{'s':>10}{'s':>10}{'%':>10}{'%':>10}"
    for number, exporter in enumerate(EXPORTERS):
        times = "".join(f"{_seconds(found[name][number]):>10}" for name in ("refused", "silent"))
        shares = "".join(f"{found[name][number]:>10.1f}" for name in ("outage", "restart"))
        yield f"{exporter.name:<22}{times}{shares}"
    yield ""
    yield from fill(
        "Azure Monitor's exporter and ours with a spool have a folder that the next process has, "
        "too. The folders of Logfire's SDK and of Apitally are temporary.",
        86,
    ).splitlines()
    yield ""
    yield machine()
    locked = ", ".join(f"{name} {version(name)}" for name in ("opentelemetry-sdk", "logfire"))
    yield fill(f"{locked}, {AZURE}, {APITALLY}".replace("==", " "), 86)


def _seconds(value: float) -> str:
    return f"> {STOPPED_WITHIN:.0f}" if value >= STOPPED_WITHIN else f"{value:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    return run_once(
        "chaos",
        __doc__,
        lambda full: lines(FULL if full else COMPRESSED),
        arguments,
        full="five minutes at 50 items a second",
    )


if __name__ == "__main__":
    sys.exit(main())
