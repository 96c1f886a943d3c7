"""Inspects one host after the other, each in a process of its own.

The processes are forks of one that has imported the frameworks, which takes seconds. No host is
imported before the fork.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from pathlib import Path

from telemetry.commands.check.inspection import main
from telemetry.commands.environment import importing

FRAMEWORKS = (
    "datasette.app",
    "django.core.asgi",
    "opentelemetry.instrumentation.django",
    "sentry_sdk.integrations.asgi",
)


def inspect_all(hosts: list[str], folder: Path) -> dict[str, object]:
    """Give the result of each ``module:attribute``, which may be followed by a settings module."""
    results = {}
    for host in hosts:
        target, _, settings = host.partition(" ")
        path = folder / "result.json"
        sys.stdout.flush()
        if (pid := os.fork()) == 0:
            os.environ.update({"DJANGO_SETTINGS_MODULE": settings} if settings else {})
            try:
                main([target, str(path)])
            finally:
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        results[host] = json.loads(path.read_text()) if status == 0 else {"ended with": status}
        path.unlink(missing_ok=True)
    return results


if __name__ == "__main__":
    variables = importing({**os.environ, "SENTRY_DSN": "http://key@127.0.0.1:9/1"})
    os.environ.clear()
    os.environ.update(variables)
    for framework in FRAMEWORKS:
        importlib.import_module(framework)
    # So that collections in the forks do not touch, and copy, what they share.
    gc.freeze()
    print(json.dumps(inspect_all(sys.argv[1:], Path.cwd())))
