"""Programs that run beside a test and are always ended, by their own id."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from random import sample
from signal import SIGKILL, SIGTERM, Signals
from typing import TYPE_CHECKING

from tests.support.forks import server_forks
from tests.support.paths import ROOT
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO

    from tests.support.forks import ForkedProcess

HOST = "127.0.0.1"


class Program:
    """A subprocess in a session of its own, so that its children end with it."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        folder: Path,
        *,
        is_server: bool = False,
    ) -> None:
        self._stdout = folder / "stdout"
        self._stderr = folder / "stderr"
        self._kept: tuple[str, str] | None = None
        # Files and not pipes: nobody has to read while the program runs.
        # A pipe that nobody writes to: its reading end sees the end once the
        # program and every process that it forked are gone.
        self._alive, held = os.pipe()
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            env = {**env, "PYTHONUNBUFFERED": "1"}
            start = _start_server if is_server else _start
            self._process = start(command, env, cwd, out, err, held)
        os.close(held)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    def stdout(self) -> str:
        """What it wrote to standard output so far."""
        return self._kept[0] if self._kept else self._stdout.read_text(errors="replace")

    def stderr(self) -> str:
        """What it wrote to standard error so far."""
        return self._kept[1] if self._kept else self._stderr.read_text(errors="replace")

    def output(self) -> str:
        """Both, standard output first."""
        return self.stdout() + self.stderr()

    def signal(self, number: Signals) -> None:
        """Send a signal to the program alone, as a supervisor does."""
        self._process.send_signal(number)

    def stop(self, number: Signals = SIGTERM, timeout: float = PATIENCE) -> int:
        """Signal, wait, and return the exit code.

        Raises AssertionError with the output when it has not ended in time.
        """
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            message = f"still running {timeout} s after {number.name}:\n{self.output()}"
            self.kill()
            raise AssertionError(message) from None

    def kill(self) -> None:
        """End the program and its children, whatever they are doing."""
        # The group is ours: it was created with the process. It outlives its
        # leader when a child hangs on.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, SIGKILL)
        self._process.wait()
        # The children are not ours to wait for, and until they are gone the
        # port is taken.
        select.select([self._alive], [], [], PATIENCE)

    def wait_until(self, ready: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Return when `ready()`. Raises AssertionError with the output if it ends or is late."""
        deadline = time.monotonic() + timeout
        while not ready():
            if (code := self.exit_code) is not None:
                raise AssertionError(f"ended with {code} before it was ready:\n{self.output()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not ready within {timeout} s:\n{self.output()}")
            time.sleep(0.02)

    def close(self) -> None:
        """End it and hold the output in memory, for after its files are gone."""
        self.kill()
        os.close(self._alive)
        self._kept = (self.stdout(), self.stderr())


def _start(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    stdout: IO[bytes],
    stderr: IO[bytes],
    alive: int,
) -> ForkedProcess | subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        pass_fds=(alive,),
    )


def _start_server(
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    stdout: IO[bytes],
    stderr: IO[bytes],
    alive: int,
) -> ForkedProcess | subprocess.Popen[bytes]:
    """Start it in a fork, if that makes no difference."""
    python, option, module, *arguments = command
    assert (python, option) == (sys.executable, "-m")
    if not server_forks().can_run("", env):
        return _start(command, env, cwd, stdout, stderr, alive)
    return server_forks().start(
        module, cwd, env, arguments=arguments, stdout=stdout, stderr=stderr, alive=alive
    )


@contextmanager
def program(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path = ROOT, is_server: bool = False
) -> Iterator[Program]:
    """Run a program for as long as the block; its output stays readable after.

    Args:
        command: the program and its arguments.
        env: its environment.
        cwd: the folder that it runs in.
        is_server: whether it is uvicorn or gunicorn, which may run in a fork: see
            `tests.support.forks`.
    """
    with tempfile.TemporaryDirectory(prefix="corkboard-program-") as folder:
        running = Program(command, env, cwd, Path(folder), is_server=is_server)
        try:
            yield running
        finally:
            running.close()


def free_port() -> int:
    """Give a port that is free now and that no other test is given."""
    return free_ports(1)


def refusing_port() -> int:
    """Give a port that refuses connections for as long as this process runs.

    It is held without listening: a free port could become that of a test beside this one.
    """
    held = socket.socket()
    held.bind((HOST, 0))
    _held.append(held)
    port: int = held.getsockname()[1]
    return port


_held: list[socket.socket] = []


def free_ports(number: int) -> int:
    """Give the first of `number` consecutive ports that are free now and given to no other test.

    They are below the range from which the system assigns ports, and in a block of ports that
    this process holds: between this call and the moment when a server listens there, neither a
    socket without a port of its own nor a test in another process can take one of them.
    """
    for _ in range(_MAX_BLOCKS):
        while len(_block) >= number:
            ports = [_block.pop() for _ in range(number)]
            if all(_is_free(port) for port in ports):
                return ports[0]
        _block[:] = reversed(_take_block())
    raise AssertionError(f"no {number} free ports in a row")


_BLOCK = 100
_FIRST_PORT, _LAST_PORT = 12_000, 28_000
_MAX_BLOCKS = (_LAST_PORT - _FIRST_PORT) // _BLOCK
_block: list[int] = []
_block_locks: list[int] = []


def _take_block() -> range:
    """Lock a block of ports for as long as this process runs."""
    folder = Path(tempfile.gettempdir()) / f"corkboard-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for first in sample(range(_FIRST_PORT, _LAST_PORT, _BLOCK), _MAX_BLOCKS):
        lock = os.open(folder / str(first), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        _block_locks.append(lock)
        return range(first, first + _BLOCK)
    raise AssertionError("all blocks of ports are taken")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def accepts_connections(port: int) -> bool:
    """Say whether somebody listens there."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
