"""Requests whose traces are known, backends in trouble, and what arrived of the traces."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from telemetry.export.spool import decode
from tests.end_to_end.hosts import visitor
from tests.support.odd_server import Odd, OddServer, answer
from tests.support.servers import serve_gunicorn, serve_uvicorn
from tests.support.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from telemetry.testing import OTLPReceiver
    from tests.end_to_end.hosts import Host
    from tests.support.servers import Server

    Serve = Callable[..., AbstractContextManager[Server]]
    Trouble = Callable[[int], AbstractContextManager[object]]

SERVERS: dict[str, Serve] = {
    "uvicorn": partial(serve_uvicorn, workers=2),
    "UvicornWorker": partial(serve_gunicorn, workers=2),
    "asgi": partial(serve_gunicorn, workers=2, worker_class="asgi"),
}
IN_SPOOL = re.compile(r"(\d+) items are in the spool")
UNDELIVERED = re.compile(
    r"telemetry stopped with (\d+) spans and log records undelivered(?: after waiting (\S+) s)?"
)
BEGIN = "can't be delivered"
END = "are delivered again"
ACCESSED = re.compile('"trace_id": ?"([0-9a-f]{32})"')
DROPPED = re.compile(r"are delivered again after .*: \d+ were sent now, (\d+) were dropped")


@dataclass(frozen=True)
class Promise:
    """Where servers send to, and the folder that they share."""

    host: Host
    spool: Path
    port: int

    @property
    def url(self) -> str:
        """The backend's address."""
        return f"http://127.0.0.1:{self.port}"

    def variables(
        self, given: Mapping[str, str] = MappingProxyType({}), /, *, spool: bool = True, **more: str
    ) -> dict[str, str]:
        """Return a server's environment. Only traces are sent, unless it is given otherwise."""
        return self.host.variables(
            **{
                "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
                # What a sender gives up waiting for may have arrived, and is sent again.
                "OTEL_EXPORTER_OTLP_TIMEOUT": f"{PATIENCE:g}",
                "OTEL_METRICS_EXPORTER": "none",
                "OTEL_LOGS_EXPORTER": "none",
                # Where log records are sent, there is one for each request.
                "TELEMETRY_ACCESS_LOG": "all",
                **({"TELEMETRY_SPOOL_DIR": str(self.spool)} if spool else {}),
                **given,
                **more,
            }
        )

    def files(self) -> list[Path]:
        """Return the complete files of the folder."""
        return sorted(self.spool.rglob("*.items"))

    def stored(self, traces: list[str], files: Iterable[Path] | None = None) -> list[str]:
        """Return those of the traces whose spans are in the files; by default, in all of now."""
        content = self._content("traces-", files)
        return [trace for trace in traces if bytes.fromhex(trace) in content]

    def stored_events(self, traces: list[str]) -> list[str]:
        """Return those of the traces whose error events are in the folder now."""
        content = self._content("errors-")
        return [trace for trace in traces if trace.encode() in content]

    def _content(self, folder: str, files: Iterable[Path] | None = None) -> bytes:
        paths = self.files() if files is None else files
        return b"".join(_bodies(path) for path in paths if folder in str(path))


def _bodies(path: Path) -> bytes:
    try:
        return b"".join(body for _, body, _, _ in decode(path.read_bytes()))
    except FileNotFoundError:
        # Sent, or dropped, since the folder was listed.
        return b""


def ask(server: Server, number: int, *, rate: float = 0.0) -> list[str]:
    """Send requests, at most `rate` a second, and return the ids of their traces in order."""
    found: list[str] = []
    with visitor(server) as client:
        for _ in range(number):
            began = time.monotonic()
            response = client.get("/health/")
            assert response.status_code == 200, response.text
            found.append(trace_of(response.headers["traceresponse"]))
            if rate:
                time.sleep(max(0.0, began + 1 / rate - time.monotonic()))
    return found


def ended(server: Server, traces: list[str]) -> list[str]:
    """Return the traces in the order in which their requests ended, which the access lines have.

    It may differ from that of the responses: Django closes a response on another thread after it
    was sent, and the span ends after that.
    """
    wanted = set(traces)
    return [trace for trace in accessed(server) if trace in wanted]


def accessed(server: Server) -> list[str]:
    """Return the traces of all requests that it has served, answered or not."""
    return ACCESSED.findall(server.output())


def workers(server: Server) -> set[int]:
    """Return the ids of the processes that serve, of several."""
    tasks = Path(f"/proc/{server.pid}/task").iterdir()
    children = {int(pid) for task in tasks for pid in (task / "children").read_text().split()}
    # uvicorn's workers are spawned, which needs one process more.
    return {pid for pid in children if b"resource_tracker" not in _command(pid)}


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def trace_of(traceresponse: str) -> str:
    """Return the id of the trace that the header names."""
    return traceresponse.split("-")[1]


@dataclass
class Traffic:
    """Sends requests from a thread at a steady rate, while it is used as a context manager.

    A request that fails is kept as `failed`, and the next one is sent all the same: a killed
    worker takes its requests with it.
    """

    server: Callable[[], Server]
    rate: float = 50.0
    answered: list[tuple[str, float]] = field(default_factory=list)
    """Trace and monotonic time of each answer."""
    failed: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait_for(self, number: int) -> None:
        """Return when so many requests have been answered, however long it takes.

        On a busy machine, each worker that starts meanwhile may take a minute.

        Raises AssertionError if none is answered for a time in which one is sure to be.
        """
        while (count := len(self.answered)) < number:
            wait_until(lambda: len(self.answered) > count, every=0.001)

    @property
    def traces(self) -> list[str]:
        """Traces of the answers so far."""
        return [trace for trace, _ in list(self.answered)]

    def _run(self) -> None:
        while not self._over.wait(1 / self.rate):
            try:
                with visitor(self.server()) as client:
                    response = client.get("/health/")
            except Exception as error:
                self.failed.append(repr(error))
                continue
            if response.status_code == 200:
                trace = trace_of(response.headers["traceresponse"])
                self.answered.append((trace, time.monotonic()))
            else:
                self.failed.append(str(response.status_code))


def spans(receiver: OTLPReceiver) -> list[str]:
    """Return the trace of each received SERVER span in the order of arrival."""
    return [span.trace_id for span in receiver.spans if span.kind == "SERVER"]


def records(receiver: OTLPReceiver) -> list[str]:
    """Return the trace of each received log record that has one in the order of arrival."""
    return [log.trace_id for log in receiver.logs if log.trace_id]


def is_ordered(times: list[int]) -> bool:
    """Say whether no time is before the one that it follows."""
    return times == sorted(times)


def wait_for_all(receiver: OTLPReceiver, traces: list[str]) -> None:
    """Return when a SERVER span of each trace has arrived.

    That may take a worker's longest pause between two attempts, and the time until it looks for
    what others have left.
    """
    while missing := set(traces) - set(spans(receiver)):
        receiver.wait_for(lambda r: not missing.isdisjoint(spans(r)), PATIENCE)


def duplicates(arrived: list[str]) -> dict[str, int]:
    """Return what arrived more than once, with the number of times."""
    return {trace: number for trace, number in Counter(arrived).items() if number > 1}


@contextmanager
def refusing(port: int) -> Iterator[None]:
    """No server listens there. The port is the caller's."""
    yield


@contextmanager
def silent(port: int) -> Iterator[OddServer]:
    """The backend accepts connections and does not answer."""
    with OddServer(lambda _: Odd((b"x",), pause=3600), port=port) as server:
        yield server


@contextmanager
def slow(port: int) -> Iterator[OddServer]:
    """The backend answers with a byte a second, so that no answer is complete in time."""
    body = (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", *(b"{" for _ in range(9999)))
    with OddServer(lambda _: Odd(body, pause=1.0), port=port) as server:
        yield server


@contextmanager
def answering(port: int, status: int, **headers: str) -> Iterator[OddServer]:
    """The backend refuses everything for now."""
    with OddServer(lambda _: answer(status, b"", **headers), port=port) as server:
        yield server


TROUBLES: dict[str, Trouble] = {
    "refuses": refusing,
    "silent": silent,
    "slow": slow,
    "429": partial(answering, status=429, Retry_After="300"),
}
