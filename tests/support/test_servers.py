"""Servers start, answer, and are gone afterwards, whatever the test did."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from signal import SIGINT, SIGKILL
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support import web
from tests.support.paths import ROOT
from tests.support.processes import (
    HOST,
    accepts_connections,
    free_port,
    free_ports,
    refusing_port,
)
from tests.support.servers import UVICORN_WORKER, serve_gunicorn, serve_uvicorn
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

# Counts its requests, to show that waiting for readiness makes none.
APP = """
import os, sys
seen = 0
async def application(scope, receive, send):
    global seen
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("lifespan ended", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    seen += 1
    body = f"{seen} {os.getpid()} {os.environ.get('WORD')}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "counting.py").write_text(APP)
    return tmp_path


def _worker(url: str) -> str | None:
    """Give the id of the process that answers; None while a worker is being replaced."""
    try:
        return web.get(url).text.split()[1]
    except httpx.TransportError:
        return None


@pytest.mark.parametrize("instrument", [False, True], ids=["plain", "instrumented"])
def test_uvicorn_serves_and_stops(folder: Path, instrument: bool) -> None:
    """The first request of the test is the first of the application."""
    env = {"PATH": os.environ["PATH"], "WORD": "given", "OTEL_SDK_DISABLED": "true"}
    with serve_uvicorn(
        "counting:application", cwd=folder, env=env, instrument=instrument
    ) as server:
        assert web.get(server.url).text == f"1 {server.pid} given"
        server.stop()
        assert "lifespan ended" in server.output()
        assert not accepts_connections(server.port)
    assert "lifespan ended" in server.output(), "still readable after the files are gone"


@pytest.mark.parametrize("worker_class", [UVICORN_WORKER, "asgi"])
@pytest.mark.parametrize("preload", [False, True], ids=["", "preload"])
def test_gunicorn_serves_and_stops(folder: Path, worker_class: str, preload: bool) -> None:
    """Workers answer, the master exits with 0, and no worker is left."""
    with serve_gunicorn(
        "counting:application", cwd=folder, worker_class=worker_class, preload=preload
    ) as server:
        count, worker, _ = web.get(server.url).text.split()
        assert count == "1"
        assert int(worker) != server.pid
        assert server.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(worker), 0)


def test_a_worker_is_replaced_after_its_requests(folder: Path) -> None:
    """`max_requests` reaches gunicorn."""
    with serve_gunicorn("counting:application", cwd=folder, workers=1, max_requests=2) as server:
        first = web.get(server.url).text.split()[1]
        server.program.wait_until(lambda: _worker(server.url) not in {first, None})


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    """The failure carries the process's own words, at once and not after a timeout."""
    for serve in (serve_uvicorn, serve_gunicorn):
        with ExitStack() as stack, pytest.raises(AssertionError, match="no_such_module"):
            stack.enter_context(serve("no_such_module:app", cwd=folder))


def test_a_forgotten_server_is_killed_with_its_workers(folder: Path) -> None:
    """A test that fails half-way leaves nothing that runs."""
    with serve_gunicorn("counting:application", cwd=folder) as server:
        assert web.get(server.url).status_code == 200
    assert server.program.exit_code == -SIGKILL
    # A worker that lived on would hold the port. The system frees it a moment
    # after the last of them.
    wait_until(lambda: not accepts_connections(server.port))


def test_another_signal_can_end_it(folder: Path) -> None:
    """SIGINT, as from a terminal."""
    with serve_uvicorn("counting:application", cwd=folder) as server:
        server.stop(SIGINT)
        assert "lifespan ended" in server.output()


def test_a_refusing_port_can_not_be_taken() -> None:
    """It refuses connections, and no server can take it."""
    port = refusing_port()
    assert not accepts_connections(port)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((HOST, port))


def test_ports_in_a_row_are_free() -> None:
    """And none that the system would give to a socket without a port."""
    first = free_ports(3)
    with ExitStack() as stack:
        for port in range(first, first + 3):
            stack.enter_context(socket.socket()).bind((HOST, port))
        with socket.socket() as given:
            given.bind((HOST, 0))
            assert given.getsockname()[1] not in range(12_000, 28_000)


def test_no_two_tests_are_given_one_port() -> None:
    """Neither in this process nor in another, although nothing listens there yet."""
    command = (
        "from tests.support.processes import free_port; print(*(free_port() for _ in range(150)))"
    )
    ours = [free_port() for _ in range(150)]
    theirs = [
        int(port)
        for _ in range(2)
        for port in subprocess.check_output(
            [sys.executable, "-c", command], cwd=ROOT, text=True
        ).split()
    ]
    assert len(set(ours)) == 150
    assert not set(ours) & set(theirs)
