"""A server whose telemetry arrives nowhere stops in time, and says what was lost."""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from signal import SIGCONT, SIGQUIT, SIGSTOP, SIGTERM, Signals
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.chaos.promises import workers
from tests.end_to_end.hosts import visitor
from tests.support.processes import refusing_port
from tests.support.servers import Server, serve_gunicorn, serve_uvicorn
from tests.support.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from tests.end_to_end.hosts import Host

    Serve = Callable[..., AbstractContextManager[Server]]
    Backend = Callable[[], AbstractContextManager[Mapping[str, str]]]

TIMEOUT = 1.0
# Ten times what a server takes; the SDK alone takes half a minute.
IN_TIME = 20.0
REQUESTS = 5
# Of two workers.
SHARES = (2, 3)
LOST = re.compile(r"telemetry stopped with (\d+) spans and log records undelivered")


def _address(url: str, protocol: str) -> dict[str, str]:
    # What fails is told with its address, and must not be told with its secrets.
    secret = "//user:planted-password@" if protocol == "http/protobuf" else "//"
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url.replace("//", secret),
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=planted-header",
    }


@contextmanager
def refusing(protocol: str = "http/protobuf") -> Iterator[dict[str, str]]:
    """Nobody listens there."""
    yield _address(f"http://127.0.0.1:{refusing_port()}", protocol)


@contextmanager
def answering(
    status: int = 200, delay: float = 0.0, protocol: str = "http/protobuf"
) -> Iterator[dict[str, str]]:
    """Somebody listens, and it does not help."""
    with OTLPReceiver(grpc=protocol == "grpc") as receiver:
        receiver.answer(status, delay)
        url = receiver.grpc_endpoint if protocol == "grpc" else receiver.url
        yield _address(url, protocol)


BACKENDS = {
    "refuses": refusing,
    "hangs": partial(answering, delay=60.0),
    "503": partial(answering, 503),
    "500": partial(answering, 500),
    "grpc-refuses": partial(refusing, "grpc"),
    "grpc-hangs": partial(answering, delay=60.0, protocol="grpc"),
}
SERVERS = {
    "UvicornWorker": (partial(serve_gunicorn, workers=2), SIGTERM),
    # No lifespan here: the interpreter's exit is what is left.
    "asgi-QUIT": (partial(serve_gunicorn, workers=2, worker_class="asgi"), SIGQUIT),
}


def stopped(
    serve: Serve, number: Signals, env: Mapping[str, str], shares: Sequence[int] = (REQUESTS,)
) -> tuple[float, str]:
    """Serve some pages, stop, and give the seconds that it took and what was printed.

    Args:
        serve: starts the server.
        number: the signal that stops it.
        env: its environment.
        shares: number of pages that each of its workers serves.
    """
    with serve(env=env) as server, visitor(server) as browser:
        processes = sorted(workers(server)) if len(shares) > 1 else [server.pid]
        for share, pid in zip(shares, processes, strict=True):
            with paused(each for each in processes if each != pid):
                for _ in range(share):
                    assert browser.get("/health/").status_code == 200
        began = time.monotonic()
        server.stop(number, timeout=PATIENCE)
        return time.monotonic() - began, server.output()


@contextmanager
def paused(processes: Iterable[int]) -> Iterator[None]:
    """They accept no connection meanwhile."""
    held = list(processes)
    for pid in held:
        os.kill(pid, SIGSTOP)
        wait_until(partial(is_stopped, pid))
    try:
        yield
    finally:
        for pid in held:
            os.kill(pid, SIGCONT)


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def variables(host: Host, backend: Mapping[str, str], **more: str) -> dict[str, str]:
    return host.variables(**backend, TELEMETRY_SHUTDOWN_TIMEOUT=f"{TIMEOUT:g}s", **more)


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_the_server_stops_in_time_and_counts_what_was_lost(host: Host, backend: Backend) -> None:
    """One span for each page and the record of its start, not more and not less."""
    with backend() as address:
        env = variables(host, address, LOGLEVEL="ERROR,telemetry=WARNING")
        seconds, printed = stopped(serve_uvicorn, SIGTERM, env)
    assert seconds < IN_TIME
    assert LOST.findall(printed) == [str(REQUESTS + 1)], printed
    assert "planted" not in printed


@pytest.mark.parametrize(("serve", "number"), SERVERS.values(), ids=SERVERS)
def test_every_worker_stops_in_time(host: Host, serve: Serve, number: Signals) -> None:
    """Side by side, each saying what it lost."""
    with answering(delay=60.0) as address:
        # What else is logged is not the same for each worker and server.
        env = variables(host, address, OTEL_LOGS_EXPORTER="none")
        seconds, printed = stopped(serve, number, env, SHARES)
    assert seconds < IN_TIME
    assert sorted(map(int, LOST.findall(printed))) == sorted(SHARES), printed


def test_a_backend_that_comes_back_gets_what_was_kept(host: Host) -> None:
    """Nothing is counted as lost that was sent again and arrived."""
    with OTLPReceiver() as receiver:
        receiver.answer(503)
        with serve_uvicorn(env=host.variables(receiver)) as server, visitor(server) as browser:
            assert browser.get("/health/").status_code == 200
            receiver.wait_for(lambda r: any(call.path == "/v1/traces" for call in r.requests))
            receiver.answer(200)
            receiver.wait_for(lambda r: r.spans and r.logs)
            server.stop()
        assert "undelivered" not in server.output()
