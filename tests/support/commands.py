"""`python -m telemetry ...` as somebody types it."""

from __future__ import annotations

import io
import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout

from telemetry.__main__ import main
from tests.support.environment import clean_environment, without_shared
from tests.support.forks import python


def _environment(**variables: str) -> dict[str, str]:
    return clean_environment(without_shared(os.environ), **variables)


def telemetry_command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with these variables and none of the developer's own; it never shows a traceback."""
    done = python(
        "-m",
        "telemetry",
        *arguments,
        env=_environment(**variables),
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def telemetry_main(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it in this process, as `telemetry_command` does in another: that takes 0.3 s longer."""
    outside = dict(os.environ)
    stdout, stderr = io.StringIO(), io.StringIO()
    inside = _environment(**variables)
    os.environ.clear()
    os.environ.update(inside)
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            code = main(arguments)
    finally:
        os.environ.clear()
        os.environ.update(outside)
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())
