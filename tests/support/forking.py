"""Imports packages that programs import, and runs each program that it is sent in a fork.

Run as a script, with the number of a socket and the names of further modules to import. The socket
gets the names of the environment variables that the packages have read. A program comes as three
files: a JSON object with its code or module, arguments, folder and environment, its standard output
and its standard error. One that is run to its end is answered with its exit code. One that is
started, in a session of its own, comes with two more files: a socket, which gets its process id and
then its exit code, and one that stays open as long as it and its forks run.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import struct
import sys
from importlib import import_module
from runpy import run_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# What telemetry imports where something is configured, and what Django, Datasette and Sentry's SDK
# import besides themselves. Not these: telemetry looks whether they have been imported.
_IMPORTED = (
    *("asyncio", "concurrent.futures.thread", "decimal", "email.message", "html.parser"),
    *("http.cookies", "importlib.metadata", "logging.config", "multiprocessing.util", "sqlite3"),
    *("difflib", "email.headerregistry", "email.mime.text", "fractions", "getpass", "graphlib"),
    *("gzip", "pdb", "pprint", "secrets", "statistics", "wsgiref.util", "zoneinfo"),
    *("aiofiles.tempfile", "asyncinject", "dateutil.parser", "dateutil.relativedelta"),
    *("dj_database_url", "httpx2", "itsdangerous", "mergedeep", "pluggy", "pydantic.json_schema"),
    *("pydantic.main", "pydantic.types", "sqlite_utils"),
    *("asgiref.sync", "google.protobuf.message", "httpcore", "jinja2", "psutil", "requests"),
    *("sqlparse", "wrapt", "yaml"),
    *("opentelemetry.sdk.trace.export", "opentelemetry.sdk.metrics.export"),
    *("opentelemetry.sdk._logs.export", "opentelemetry.instrumentation.asgi"),
    *("opentelemetry.instrumentation.system_metrics", "opentelemetry.instrumentation.utils"),
)


RUN, START = b"r", b"s"
NUMBER = struct.Struct("i")


def import_all(modules: Iterable[str]) -> set[str]:
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
        for module in modules:
            import_module(module)
    finally:
        kind.__getitem__ = reading
    return names


def serve(control: socket.socket, modules: Iterable[str]) -> Callable[[], object] | None:
    """Fork for each program. Returns in the forks, with the program; at the end without one."""
    names = import_all(modules)
    gc.freeze()
    control.sendall(json.dumps(sorted(names)).encode() + b"\n")
    while True:
        message, files, _, _ = socket.recv_fds(control, 1, 5)
        if not message:
            return None
        child = os.fork()
        if child == 0:
            control.close()
            if message == START:
                start(*files[3:])
            return prepare(*files[:3])
        for file in files:
            os.close(file)
        if message == RUN:
            _, status = os.waitpid(child, 0)
            control.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
        else:
            _forget_ended()


def _forget_ended() -> None:
    while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG):
        pass


def start(report: int, alive: int) -> None:
    """Fork once more. Returns in the fork; its parent reports about it and ends."""
    with socket.socket(fileno=report) as reports:
        child = os.fork()
        if child:
            os.close(alive)
            reports.sendall(NUMBER.pack(child))
            _, status = os.waitpid(child, 0)
            reports.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
            os._exit(0)
    os.setsid()


def prepare(program: int, stdout: int, stderr: int) -> Callable[[], object]:
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
    if module := asked["module"]:
        first = os.getcwd()
    elif sys.argv[0] != "-c":
        name = main.__file__ = os.path.abspath(sys.argv[0])
        first = os.path.dirname(name)
    sys.path[:0] = [first, *filter(None, asked["env"].get("PYTHONPATH", "").split(os.pathsep))]
    if module:
        return lambda: run_module(module, run_name="__main__", alter_sys=True)
    code = compile(asked["code"], name, "exec")
    return lambda: exec(code, vars(main))


def run(program: Callable[[], object]) -> None:
    """Run the program; what it raises has no frame of this file."""
    try:
        program()
    except Exception as error:
        # That of this function, and that of the program's.
        below = error.__traceback__
        for _ in range(2):
            below = below.tb_next if below else None
        sys.excepthook(type(error), error.with_traceback(below), below)
        sys.exit(1)


if __name__ == "__main__":
    # The folder of this file, in which no module is looked for.
    del sys.path[0]
    _main = sys.modules["__main__"]
    _control = socket.socket(fileno=int(sys.argv[1]))
    if (_program := serve(_control, (*_IMPORTED, *sys.argv[2:]))) is not None:
        run(_program)
