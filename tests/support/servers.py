"""The real servers, as production runs them: one subprocess, one port."""

from __future__ import annotations

import re
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM, Signals
from typing import TYPE_CHECKING

from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.processes import HOST, Program, accepts_connections, free_port, program
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

APP = "config.asgi:application"
UVICORN_WORKER = "uvicorn_worker.UvicornWorker"
# Seconds. With the servers' own few, a client that a busy machine holds up sends its next request
# on a connection that is being closed.
KEEP_ALIVE = "3600"
# Seconds. gunicorn ends a worker that a busy machine holds up for its own 30: while it starts,
# while it serves, and while it stops. What it had not sent then is lost.
GUNICORN_TIMEOUT = f"{PATIENCE:.0f}"
_WORKER_SERVES = re.compile("Application startup complete|ASGI server listening")


class Server:
    """A running server and its address."""

    def __init__(self, running: Program, port: int) -> None:
        self.program = running
        self.port = port
        self.url = f"http://{HOST}:{port}"

    @property
    def pid(self) -> int:
        """The server's process; gunicorn's master."""
        return self.program.pid

    def output(self) -> str:
        """What it printed so far, standard output first."""
        return self.program.output()

    def signal(self, number: Signals) -> None:
        """Send a signal to the server's process."""
        self.program.signal(number)

    def wait_for_workers(self, number: int) -> None:
        """Return when so many of gunicorn's workers have come to serve since it started.

        A signal that comes sooner ends one unheard. Each may take as long as a test waits.
        """
        for each in range(1, number + 1):
            self.program.wait_until(lambda: self._served() >= each)  # noqa: B023 - waited for

    def _served(self) -> int:
        return len(_WORKER_SERVES.findall(self.output()))

    def stop(self, number: Signals = SIGTERM, timeout: float = PATIENCE) -> int:
        """Signal, wait and return the exit code; see `Program.stop`."""
        return self.program.stop(number, timeout)


@contextmanager
def serve_uvicorn(
    app: str = APP,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    args: Sequence[str] = (),
    workers: int = 1,
    instrument: bool = False,
    python: Path | None = None,
) -> Iterator[Server]:
    """Run uvicorn; `instrument` puts `opentelemetry-instrument` before it.

    It is a new interpreter with `python`, and otherwise a fork: see `tests.support.forks`.
    """
    port = free_port()
    command = ["-m", "uvicorn", app, "--host", HOST, "--port", str(port)]
    command += ["--timeout-keep-alive", KEEP_ALIVE]
    if workers > 1:
        # A busy machine starts a worker in more than the five seconds that uvicorn waits.
        command += ["--workers", str(workers), "--timeout-worker-healthcheck", f"{PATIENCE:g}"]
    command += args
    # It listens only after its application has started, of several workers' the first.
    with _serve(command, port, accepts_connections, env, cwd, instrument, python) as server:
        if workers > 1:
            server.wait_for_workers(workers)
        yield server


@contextmanager
def serve_gunicorn(
    app: str = APP,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    args: Sequence[str] = (),
    workers: int = 2,
    worker_class: str = UVICORN_WORKER,
    preload: bool = False,
    max_requests: int | None = None,
    instrument: bool = False,
    python: Path | None = None,
) -> Iterator[Server]:
    """Run gunicorn with `uvicorn_worker.UvicornWorker` or its own `asgi` worker."""
    port = free_port()
    command = ["-m", "gunicorn", app, "--bind", f"{HOST}:{port}", "--no-control-socket"]
    command += ["--workers", str(workers), "--worker-class", worker_class]
    command += ["--keep-alive", KEEP_ALIVE]
    command += ["--timeout", GUNICORN_TIMEOUT, "--graceful-timeout", GUNICORN_TIMEOUT]
    command += ["--preload"] if preload else []
    command += ["--max-requests", str(max_requests)] if max_requests is not None else []
    command += args
    # The master listens before any worker can answer.
    with _serve(command, port, _answers, env, cwd, instrument, python) as server:
        server.wait_for_workers(workers)
        yield server


@contextmanager
def _serve(
    command: Sequence[str],
    port: int,
    ready: Callable[[int], bool],
    env: Mapping[str, str] | None,
    cwd: Path,
    instrument: bool,
    python: Path | None,
) -> Iterator[Server]:
    interpreter = python or Path(sys.executable)
    prefix = [str(interpreter.with_name("opentelemetry-instrument"))] if instrument else []
    environment = clean_environment() if env is None else env
    # A fork, unless the test asks for a certain interpreter or command.
    with program(
        [*prefix, str(interpreter), *command],
        env=environment,
        cwd=cwd,
        is_server=not instrument and python is None,
    ) as running:
        running.wait_until(lambda: ready(port))
        yield Server(running, port)


def _answers(port: int) -> bool:
    """Ask for what is not HTTP: a worker refuses it before the application.

    A real request would leave a span, metrics and an access line behind, and
    tests count those.
    """
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(b"\x00 not http\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False
