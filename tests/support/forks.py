"""Programs in forks of a process that has imported packages: half the CPU of a new interpreter.

What is imported is not what is tested: neither this project's packages nor those that telemetry
looks for in `sys.modules`. All else of a program is its own, from its environment to its exit.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from functools import cache
from signal import SIGKILL
from typing import TYPE_CHECKING

from tests.support import forking
from tests.support.environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# In the code of a program that needs a new interpreter.
_OWN_INTERPRETER = ("sys.modules", "os.fork", "orig_argv")


class Forks:
    """The process with the packages; it ends with this one."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._env = clean_environment()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, forking.__file__, str(theirs.fileno())],
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
            tempfile.TemporaryFile("w+") as program,
            tempfile.TemporaryFile("w+", errors="replace") as stdout,
            tempfile.TemporaryFile("w+", errors="replace") as stderr,
        ):
            asked = {"code": code, "arguments": arguments, "folder": str(folder), "env": dict(env)}
            json.dump(asked, program)
            program.seek(0)
            files = [file.fileno() for file in (program, stdout, stderr)]
            socket.send_fds(self._control, [b"p"], files)
            self._control.settimeout(timeout)
            try:
                answer = self._control.recv(struct.calcsize("i"))
            except TimeoutError:
                self.close()
                raise subprocess.TimeoutExpired(code, timeout) from None
            assert answer, "the process with the packages has ended"
            [exit_code] = struct.unpack("i", answer)
            stdout.seek(0)
            stderr.seek(0)
            return subprocess.CompletedProcess(arguments, exit_code, stdout.read(), stderr.read())

    def close(self) -> None:
        """End it, and a program that still runs."""
        self._control.close()
        if self._process.poll() is None:
            os.killpg(self._process.pid, SIGKILL)
            self._process.wait()


@cache
def forks() -> Forks:
    """Give the process of all tests that this one runs."""
    made = Forks()
    atexit.register(made.close)
    return made
