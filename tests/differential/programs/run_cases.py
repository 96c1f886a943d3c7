"""Runs many short programs, each in a fork of a process that has imported what they need.

The only argument is a folder. The cases come as JSON on standard input. What they printed and
their exit codes go as JSON to standard output. An interpreter for each would take ten times as
long.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

# Third parties, and the package as hosts import it. What else it imports, the cases do.
PRELOADED = (
    "asyncio",
    "datasette.app",
    "django.contrib.staticfiles.finders",
    "django.core.handlers.asgi",
    "django.core.management",
    "django.forms",
    "django.test.signals",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.instrumentation.asgi",
    "opentelemetry.instrumentation.system_metrics",
    "opentelemetry.sdk.metrics.export",
    "opentelemetry.sdk.trace.export",
    "rich.console",
    "sentry_sdk.integrations.logging",
    "telemetry",
)


def main() -> None:
    cases = json.load(sys.stdin)
    for name in PRELOADED:
        importlib.import_module(name)
    folder = Path(sys.argv[1])
    results = {name: run(case, folder) for name, case in cases.items()}
    json.dump(results, sys.stdout)


def run(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run one case to its end."""
    streams = {1: folder / "stdout", 2: folder / "stderr"}
    process = os.fork()
    if process == 0:
        for number, path in streams.items():
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.environ.clear()
        os.environ.update(case["variables"])
        code = 70
        try:
            code = _code_of(case)
            atexit._run_exitfuncs()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(process, 0)
    found = {path.name: path.read_text(errors="replace") for path in streams.values()}
    return {**found, "exit code": os.waitstatus_to_exitcode(status)}


def _code_of(case: dict[str, Any]) -> int:
    """Run the case's program as an interpreter would, and give its exit code."""
    program, *arguments = case["command"]
    try:
        if program == "manage.py":
            sys.argv = [program, *arguments]
            # As where it is run: the folder of the program is the first.
            sys.path.insert(0, os.getcwd())
            runpy.run_path(program, run_name="__main__")
        elif program == "telemetry":
            sys.argv = ["telemetry", *arguments]
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            getattr(importlib.import_module("compared_host.scripts"), program)(*arguments)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    main()
