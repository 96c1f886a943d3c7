"""Imports packages that programs import, and runs each program that it is sent in a fork.

Run as a script, with the numbers of a listening socket and of a pipe; it ends when the pipe is
closed. A connection has a fork to itself, in a session of its own, and gets a line of JSON: the
fork's process id, the environment, and those of its variables that the packages have read. Of what
was set aside, that which has read a variable is run again where its value is another one.

A program comes as three files: a JSON object with its code or module, arguments, folder and
environment, its standard output and its standard error. One that is run to its end is answered with
its exit code. One that is started, in a session of its own, comes with two more files: a socket,
which gets its process id and then its exit code, and one that stays open as long as it and its
forks run.
"""

from __future__ import annotations

import gc
import json
import os
import re
import select
import socket
import struct
import sys
from contextlib import suppress
from importlib import import_module
from runpy import run_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tests.support.set_aside import SetAside, variables_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# What telemetry imports where something is configured, and what Django, Datasette and Sentry's SDK
# import besides themselves. These telemetry looks for in `sys.modules`: they are set aside.
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
    *("opentelemetry.instrumentation.asgi", "opentelemetry.instrumentation.utils"),
)
_SET_ASIDE = (
    *("django.contrib.admin.options", "django.contrib.auth.apps", "django.contrib.auth.hashers"),
    *("django.contrib.auth.password_validation", "django.contrib.contenttypes.apps"),
    *("django.contrib.messages.apps", "django.contrib.messages.middleware"),
    *("django.contrib.sessions.apps", "django.contrib.sessions.backends.base"),
    *("django.contrib.sessions.middleware", "django.contrib.staticfiles.apps"),
    *("django.core.asgi", "django.core.management", "django.core.wsgi"),
    *("django.db.backends.sqlite3.base", "django.db.migrations.operations", "django.db.models"),
    *("django.forms", "django.middleware.clickjacking", "django.middleware.common"),
    *("django.middleware.csrf", "django.middleware.security", "django.template.backends.django"),
    *("django.urls", "django.views.generic", "whitenoise.middleware"),
    *("datasette.blob_renderer", "datasette.csrf", "datasette.default_actions"),
    *("datasette.default_column_types", "datasette.default_database_actions"),
    *("datasette.default_debug_menu", "datasette.default_jump_items"),
    *("datasette.default_magic_parameters", "datasette.default_permissions.sqlite_statistics"),
    *("datasette.default_permissions.tokens", "datasette.default_query_actions"),
    *("datasette.default_table_actions", "datasette.filters", "datasette.forbidden"),
    *("datasette.handle_exception", "datasette.inspect", "datasette.publish.cloudrun"),
    *("datasette.publish.heroku", "datasette.renderer", "datasette.sql_functions"),
    *("datasette.tracer", "datasette.url_builder", "datasette.utils.internal_db"),
    *("datasette.views.stored_queries", "sentry_sdk"),
    *("opentelemetry.sdk._logs.export", "opentelemetry.instrumentation.system_metrics"),
    *("gunicorn.app.wsgiapp", "gunicorn.asgi.protocol", "gunicorn.sock", "gunicorn.workers.gasgi"),
    *("uvicorn.lifespan.on", "uvicorn.loops.asyncio", "uvicorn.main"),
    *("uvicorn.protocols.http.h11_impl", "uvicorn_worker"),
)

# What compiles regular expressions when it is imported: they are in the cache of `re` before.
_COMPILING = ("telemetry.asgi.edge", "telemetry.header_values", "telemetry.redaction.redactor")

RUN, START = b"r", b"s"
NUMBER = struct.Struct("i")


def import_all(modules: Iterable[str]) -> set[str]:
    """Import them, and give the environment variables that were read meanwhile."""
    names: set[str] = set()
    with variables_read(names.add):
        for module in modules:
            import_module(module)
    return names


def compile_patterns() -> None:
    """Compile what `_COMPILING` compile, and import them only in a fork that ends."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        patterns: list[tuple[str, int]] = []
        functions: Any = re
        compiling = functions.compile

        def recorded(pattern: Any, flags: int = 0) -> object:
            if isinstance(pattern, str):
                patterns.append((pattern, int(flags)))
            return compiling(pattern, flags)

        functions.compile = recorded
        with open(writing, "w") as file, suppress(Exception):
            for module in _COMPILING:
                import_module(module)
            json.dump(patterns, file)
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        text = file.read()
    os.wait()
    for pattern, flags in json.loads(text) if text else ():
        re.compile(pattern, flags)


def serve(listening: socket.socket, closed: int) -> Callable[[], object] | None:
    """Fork for each connection. Returns in the forks' forks, with a program; else without one.

    Args:
        listening: connections come to it.
        closed: a pipe, which is closed at the end.
    """
    names = import_all(_IMPORTED)
    aside = SetAside()
    aside.import_all(_SET_ASIDE)
    sys.meta_path.insert(0, aside)
    compile_patterns()
    gc.freeze()
    while True:
        ready, _, _ = select.select([listening.fileno(), closed], [], [])
        if closed in ready:
            return None
        control, _ = listening.accept()
        _forget_ended()
        if os.fork() == 0:
            listening.close()
            os.close(closed)
            os.setsid()
            return serve_programs(control, aside, names)
        control.close()


def serve_programs(
    control: socket.socket, aside: SetAside, names: Iterable[str]
) -> Callable[[], object] | None:
    """Fork for each program. Returns in the forks, with the program; at the end without one."""
    hello = {"pid": os.getpid(), "env": dict(os.environ), "read": sorted(names)}
    control.sendall(json.dumps(hello).encode() + b"\n")
    while True:
        message, files, _, _ = socket.recv_fds(control, 1, 5)
        if not message:
            return None
        child = os.fork()
        if child == 0:
            control.close()
            if message == START:
                start(*files[3:])
            return prepare(aside, *files[:3])
        for file in files:
            os.close(file)
        if message == RUN:
            _, status = os.waitpid(child, 0)
            control.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
        else:
            _forget_ended()


def _forget_ended() -> None:
    with suppress(ChildProcessError):
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


def prepare(aside: SetAside, program: int, stdout: int, stderr: int) -> Callable[[], object]:
    """Make this process what `python` is before it runs the code."""
    for file, number in ((stdout, 1), (stderr, 2)):
        os.dup2(file, number)
        os.close(file)
    with open(program) as opened:
        asked = json.load(opened)
    os.chdir(asked["folder"])
    aside.forget_readers(name for name, _ in {*os.environ.items()} ^ {*asked["env"].items()})
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
    for _name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[_name]
    _main = sys.modules["__main__"]
    _listening = socket.socket(fileno=int(sys.argv[1]))
    if (_program := serve(_listening, int(sys.argv[2]))) is None:
        # Nothing has to be taken down.
        os._exit(0)
    run(_program)
