"""Imports a host's packages, and starts a host in a fork for each line of input.

A line is JSON: of what is renamed first the modules and the paths within them, an empty path for
the module itself; and the variables of the host. What comes back is a line of JSON: the exit code,
what the host has seen, and all that it printed. A fork takes a fifth of the seconds of a new
interpreter.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.telemetry.removed_names.renaming import rename

IMPORTED = (
    *("datasette.app", "datasette.handle_exception", "datasette.views.base"),
    *("django.core.asgi", "django.core.handlers.base", "django.template.backends.django"),
    *("opentelemetry.attributes", "opentelemetry.sdk.trace", "opentelemetry.sdk._logs.export"),
    *("opentelemetry.sdk.metrics.export", "opentelemetry.instrumentation.asgi"),
    *("opentelemetry.instrumentation.system_metrics", "opentelemetry.instrumentation.log_utils"),
    *("grpc._channel", "grpc.experimental", "google.rpc.status_pb2", "requests.adapters"),
    *("multiprocessing.popen_fork", "multiprocessing.queues", "multiprocessing.util"),
    *("logfire", "logfire._internal.config", "requests"),
    *("sentry_sdk.integrations.logging", "sentry_sdk.transport", "sentry_sdk.utils"),
)


def in_a_fork(asked: dict[str, Any]) -> dict[str, Any]:
    """Start the host in a fork."""
    with tempfile.TemporaryDirectory() as folder:
        seen, printed = Path(folder, "seen"), Path(folder, "printed")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                output = os.open(printed, os.O_WRONLY | os.O_CREAT)
                os.dup2(output, 1)
                os.dup2(output, 2)
                os.chdir(folder)
                os.environ.update(asked["env"])
                for module, path in asked["renamed"]:
                    rename(module, path)
                host = import_module("tests.telemetry.removed_names.host")
                seen.write_text(json.dumps(host.serve(Path(folder))))
                code = 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "seen": json.loads(seen.read_text()) if seen.exists() else {},
            "printed": printed.read_text(errors="replace"),
        }


def main() -> None:
    """Handle requests until the end of the input."""
    for name in IMPORTED:
        import_module(name)
    if any(name.partition(".")[0] == "telemetry" for name in sys.modules):
        raise AssertionError("telemetry was imported before anything was taken away")
    for line in sys.stdin:
        print(json.dumps(in_a_fork(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
