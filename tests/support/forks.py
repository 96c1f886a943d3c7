"""Programs in forks of a process that has imported packages: half the CPU of a new interpreter.

What is imported is not what is tested: neither this project's packages nor those that telemetry
looks for in `sys.modules`. All else of a program is its own, from its environment to its exit.

Of servers, only their own packages are imported besides. The differential suite starts them by new
interpreters.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from functools import cache
from signal import SIGKILL
from typing import TYPE_CHECKING

from tests.support import forking
from tests.support.environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from signal import Signals
    from typing import IO

# What the servers import before an application.
_SERVERS = (
    *("gunicorn.app.wsgiapp", "gunicorn.asgi.protocol", "gunicorn.sock", "gunicorn.workers.gasgi"),
    *("uvicorn.lifespan.on", "uvicorn.loops.asyncio", "uvicorn.main"),
    *("uvicorn.protocols.http.h11_impl", "uvicorn_worker"),
)
# In the code of a program that needs a new interpreter.
_OWN_INTERPRETER = ("sys.modules", "os.fork", "orig_argv")


class Forks:
    """The process with the packages; it ends with this one.

    Args:
        modules: what it imports besides what most programs do.
        variables: of its environment.
    """

    def __init__(self, *modules: str, **variables: str) -> None:
        self._control, theirs = socket.socketpair()
        self._env = clean_environment(**variables)
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, forking.__file__, str(theirs.fileno()), *modules],
                env={**self._env, "PYTHONPATH": ""},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        with self._control.makefile("r") as lines:
            self._read = frozenset(json.loads(lines.readline()))

    def can_run(self, code: str, env: Mapping[str, str]) -> bool:
        """Whether a new interpreter would do the same: no package has read another environment."""
        names = {name for name in {*env, *self._env} if name.startswith("PYTHON")} | self._read
        return not any(word in code for word in _OWN_INTERPRETER) and all(
            env.get(name) == self._env.get(name) for name in names - {"PYTHONPATH"}
        )

    def run(
        self,
        code: str,
        folder: Path,
        env: Mapping[str, str],
        *,
        arguments: Sequence[str] = ("-c",),
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end.

        Args:
            code: the program.
            folder: the folder that it runs in.
            env: its environment.
            arguments: its `sys.argv`; the first is the path of its file, or `-c`.
            timeout: in seconds.

        Raises:
            subprocess.TimeoutExpired: It takes longer; it is ended.
        """
        with (
            self._lock,
            _asked(folder, env, arguments, code=code) as program,
            tempfile.TemporaryFile("w+", errors="replace") as stdout,
            tempfile.TemporaryFile("w+", errors="replace") as stderr,
        ):
            files = [file.fileno() for file in (program, stdout, stderr)]
            socket.send_fds(self._control, [forking.RUN], files)
            self._control.settimeout(timeout)
            try:
                answer = self._control.recv(forking.NUMBER.size)
            except TimeoutError:
                self.close()
                raise subprocess.TimeoutExpired(code, timeout) from None
            assert answer, "the process with the packages has ended"
            [exit_code] = forking.NUMBER.unpack(answer)
            stdout.seek(0)
            stderr.seek(0)
            return subprocess.CompletedProcess(arguments, exit_code, stdout.read(), stderr.read())

    def start(
        self,
        module: str,
        folder: Path,
        env: Mapping[str, str],
        *,
        arguments: Sequence[str],
        stdout: IO[bytes],
        stderr: IO[bytes],
        alive: int,
    ) -> ForkedProcess:
        """Start what `python -m` would, in a session of its own.

        Args:
            module: the module.
            folder: the folder that it runs in.
            env: its environment.
            arguments: those after the module's name.
            stdout: its standard output.
            stderr: its standard error.
            alive: a file that stays open as long as it and its forks run.
        """
        ours, theirs = socket.socketpair()
        with self._lock, theirs, _asked(folder, env, ["-m", *arguments], module=module) as program:
            files = [each.fileno() for each in (program, stdout, stderr, theirs)]
            socket.send_fds(self._control, [forking.START], [*files, alive])
        return ForkedProcess(ours)

    def close(self) -> None:
        """End it, and a program that still runs."""
        self._control.close()
        if self._process.poll() is None:
            os.killpg(self._process.pid, SIGKILL)
            self._process.wait()


class ForkedProcess:
    """A program that was started: what `subprocess.Popen` has of one.

    Args:
        reports: gets its process id, and its exit code when it has ended.
    """

    def __init__(self, reports: socket.socket) -> None:
        self._reports = reports
        self._exit_code: int | None = None
        self.pid = self._next()

    def _next(self) -> int:
        data = self._reports.recv(forking.NUMBER.size)
        assert data, "the process with the packages has ended"
        number: int = forking.NUMBER.unpack(data)[0]
        return number

    def poll(self) -> int | None:
        """The exit code; None while it runs; negative when a signal ended it."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self._exit_code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It takes longer, in seconds.
        """
        if self._exit_code is None:
            if not select.select([self._reports], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            with self._reports:
                self._exit_code = self._next()
        return self._exit_code

    def send_signal(self, number: Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


@contextmanager
def _asked(
    folder: Path,
    env: Mapping[str, str],
    arguments: Sequence[str],
    *,
    code: str = "",
    module: str = "",
) -> Iterator[IO[str]]:
    """Describe a program in a file."""
    with tempfile.TemporaryFile("w+") as file:
        asked = {
            "code": code,
            "module": module,
            "arguments": arguments,
            "folder": str(folder),
            "env": dict(env),
        }
        json.dump(asked, file)
        file.seek(0)
        yield file


@cache
def forks() -> Forks:
    """Give the process of all tests that this one runs."""
    made = Forks()
    atexit.register(made.close)
    return made


@cache
def server_forks() -> Forks:
    """Give that of the servers. Not the same one, which runs one program at a time."""
    made = Forks(*_SERVERS, PYTHONUNBUFFERED="1")
    atexit.register(made.close)
    return made
