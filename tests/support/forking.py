"""Imports packages that programs import, and runs each program that it is sent in a fork.

Run as a script, with the number of a socket. The socket gets the names of the environment
variables that the packages have read, then the exit code of each program. A program comes as three
files: a JSON object with its code, arguments, folder and environment, its standard output and its
standard error.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import struct
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType

# What telemetry imports where something is configured, and what Django, Datasette and Sentry's SDK
# import besides themselves. Not these: telemetry looks whether they have been imported.
IMPORTED = (
    *("asyncio", "concurrent.futures.thread", "decimal", "email.message", "html.parser"),
    *("http.cookies", "importlib.metadata", "logging.config", "multiprocessing.util", "sqlite3"),
    "zoneinfo",
    *("asgiref.sync", "google.protobuf.message", "httpcore", "jinja2", "psutil", "requests"),
    *("sqlparse", "wrapt", "yaml"),
    *("opentelemetry.sdk.trace.export", "opentelemetry.sdk.metrics.export"),
    *("opentelemetry.sdk._logs.export", "opentelemetry.instrumentation.asgi"),
    *("opentelemetry.instrumentation.system_metrics", "opentelemetry.instrumentation.utils"),
)


def import_all() -> set[str]:
    """Import them, and give the environment variables that were read meanwhile."""
    names: set[str] = set()
    kind: Any = type(os.environ)
    reading = kind.__getitem__

    def read(environ: Any, name: str) -> str:
        names.add(name)
        value: str = reading(environ, name)
        return value

    kind.__getitem__ = read
    try:
        for module in IMPORTED:
            import_module(module)
    finally:
        kind.__getitem__ = reading
    return names


def serve(control: socket.socket) -> tuple[CodeType, dict[str, Any]] | None:
    """Fork for each program. Returns in the forks, with the program; at the end without one."""
    names = import_all()
    gc.freeze()
    control.sendall(json.dumps(sorted(names)).encode() + b"\n")
    while True:
        message, files, _, _ = socket.recv_fds(control, 1, 3)
        if not message:
            return None
        child = os.fork()
        if child == 0:
            control.close()
            return prepare(*files)
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        control.sendall(struct.pack("i", os.waitstatus_to_exitcode(status)))


def prepare(program: int, stdout: int, stderr: int) -> tuple[CodeType, dict[str, Any]]:
    """Make this process what `python` is before it runs the code."""
    for file, number in ((stdout, 1), (stderr, 2)):
        os.dup2(file, number)
        os.close(file)
    with open(program) as opened:
        asked = json.load(opened)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv[:] = asked["arguments"]
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    name, first = "<string>", ""
    if sys.argv[0] != "-c":
        name = main.__file__ = os.path.abspath(sys.argv[0])
        first = os.path.dirname(name)
    sys.path[:0] = [first, *filter(None, asked["env"].get("PYTHONPATH", "").split(os.pathsep))]
    return compile(asked["code"], name, "exec"), vars(main)


def run(code: CodeType, names: dict[str, Any]) -> None:
    """Run the program; what it raises has no frame of this file."""
    try:
        exec(code, names)
    except Exception as error:
        below = error.__traceback__.tb_next if error.__traceback__ else None
        sys.excepthook(type(error), error.with_traceback(below), below)
        sys.exit(1)


if __name__ == "__main__":
    # The folder of this file, in which no module is looked for.
    del sys.path[0]
    _main = sys.modules["__main__"]
    if (_program := serve(socket.socket(fileno=int(sys.argv[1])))) is not None:
        run(*_program)
