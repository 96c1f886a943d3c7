"""Who is given another handler of SIGTERM, and who is not. Real servers: `end_to_end`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import asyncio, signal, threading
from telemetry.asgi.unannounced import flush_at_stop

class State:
    tasks = TASKS

class Server:
    server_state = State()
    def handle_exit(self, number, frame):
        print("handled", number)

Server.__module__ = MODULE

class OfTheHost(Server):
    pass

async def stopping():
    print("stopped")

async def serve():
    flush_at_stop(lambda: print("flushed"), stopping)
    changed = signal.getsignal(signal.SIGTERM) != handler
    print("changed" if changed else "same")
    if changed:
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
        while not State.tasks:
            await asyncio.sleep(0)
        await asyncio.wait(State.tasks)

handler = OfTheHost().handle_exit
signal.signal(signal.SIGTERM, handler)
"""
HERE = "asyncio.run(serve())"
ELSEWHERE = "thread = threading.Thread(target=lambda: asyncio.run(serve())); thread.start()"


@pytest.mark.parametrize(
    ("module", "tasks", "run", "expected", "warns"),
    [
        ("uvicorn.server", "set()", HERE, "changed handled 15 handled 15 stopped", False),
        ("uvicorn.server", "set()", ELSEWHERE, "same", False),
        ("uvicorn.server", "None", HERE, "same", True),
        ("host", "set()", HERE, "same", False),
    ],
    ids=["uvicorn", "in a thread", "another release", "another server"],
)
def test_only_uvicorn_waits(
    tmp_path: Path, module: str, tasks: str, run: str, expected: str, warns: bool
) -> None:
    """Once for each server, also one of the host's class. Its handler is called as before."""
    code = PROGRAM.replace("MODULE", repr(module)).replace("TASKS", tasks) + run
    done = run_python(tmp_path, code)
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stdout.split()) == expected
    assert ("what is pending at SIGTERM is lost" in done.stderr) == warns
