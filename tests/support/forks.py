"""Programs in forks of a process that has imported packages: a third of a new interpreter's CPU.

What is imported is not what is tested: none of this project's packages. Those that telemetry looks
for in `sys.modules` are set aside: a program finds them there when it has imported them. All else
of a program is its own, from its environment to its exit. The differential suite starts its
servers by new interpreters.

All workers of a run share one such process, or two where Python's own variables differ.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

from tests.support import forking
from tests.support.environment import clean_environment
from tests.support.locks import locked
from tests.support.paths import ROOT
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from signal import Signals
    from typing import IO

# Seconds.
A_DAY = 86_400
# In the code of a program that needs a new interpreter.
_OWN_INTERPRETER = ("sys.modules", "os.fork", "orig_argv")


class Forks:
    """A connection to the process with the packages, and to its fork that runs our programs.

    Args:
        folder: where the process listens; it is started if none does.
        variables: of its environment.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self._lock = threading.Lock()
        address = folder / "socket"
        with locked(folder / "lock"):
            if not (hello := self._connect(address)):
                _start_process(address, variables)
                hello = self._connect(address)
            assert hello, "the process with the packages has ended"
        self._pid: int = hello["pid"]
        self._env: dict[str, str] = hello["env"]
        self._read: frozenset[str] = frozenset(hello["read"])

    def _connect(self, address: Path) -> dict[str, Any] | None:
        self._control = socket.socket(socket.AF_UNIX)
        with suppress(FileNotFoundError, ConnectionError):
            self._control.connect(str(address))
            with self._control.makefile("r") as lines:
                # Nothing, if the process ends just then.
                if line := lines.readline():
                    hello: dict[str, Any] = json.loads(line)
                    return hello
        self._control.close()
        return None

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
        module: str = "",
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end.

        Args:
            code: the program.
            folder: the folder that it runs in.
            env: its environment.
            arguments: its `sys.argv`; the first is the path of its file, `-c` or `-m`.
            module: the module that it is, in place of code.
            timeout: in seconds.

        Raises:
            subprocess.TimeoutExpired: It takes longer; it is ended.
        """
        with (
            self._lock,
            _asked(folder, env, arguments, code=code, module=module) as program,
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
        """End the fork, and a program that it runs."""
        with self._control, suppress(ProcessLookupError):
            os.killpg(self._pid, SIGKILL)


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


def _start_process(address: Path, variables: Mapping[str, str]) -> None:
    """Start the process with the packages; it ends with this one."""
    address.unlink(missing_ok=True)
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen()
        process = subprocess.Popen(
            [sys.executable, forking.__file__, str(listening.fileno()), str(reading)],
            env={**clean_environment(**variables), "PYTHONPATH": ""},
            stdin=subprocess.DEVNULL,
            pass_fds=(listening.fileno(), reading),
            start_new_session=True,
        )
    os.close(reading)

    def end() -> None:
        os.close(writing)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        address.unlink(missing_ok=True)

    atexit.register(end)


def python(
    *arguments: str, env: Mapping[str, str], cwd: Path = ROOT, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run what `python` does with these arguments, in a fork if that makes no difference.

    Raises:
        subprocess.TimeoutExpired: It takes longer, in seconds; it is ended.
    """
    first, *rest = arguments
    code, module = "", ""
    if first == "-c":
        code, *rest = rest
    elif first == "-m":
        module, *rest = rest
    elif not first.startswith("-"):
        code = (cwd / first).read_text("utf-8")
    if (code or module) and forks().can_run(code, env):
        return forks().run(code, cwd, env, arguments=[first, *rest], module=module, timeout=timeout)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@cache
def forks() -> Forks:
    """Give the connection for programs that are run to their end, one at a time."""
    return _connected()


@cache
def server_forks() -> Forks:
    """Give the connection for servers."""
    return _connected(PYTHONUNBUFFERED="1")


def _connected(**variables: str) -> Forks:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    own = {n: v for n, v in {**os.environ, **variables}.items() if n.startswith("PYTHON")}
    name = hashlib.sha256(repr((sys.executable, run, sorted(own.items()))).encode()).hexdigest()
    runs = Path(tempfile.gettempdir()) / f"corkboard-test-forks-{os.getuid()}"
    folder = runs / name[:16]
    folder.mkdir(0o700, parents=True, exist_ok=True)
    for other in runs.iterdir():
        # Of a run that has ended: its lock stays, since another worker may wait for it.
        with suppress(FileNotFoundError):
            if time.time() - other.stat().st_mtime > A_DAY:
                shutil.rmtree(other, ignore_errors=True)
    made = Forks(folder, **variables)
    atexit.register(made.close)
    return made
