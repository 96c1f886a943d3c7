"""`python -m telemetry ...` as somebody types it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

from telemetry.__main__ import main
from tests.support.environment import clean_environment
from tests.support.paths import ROOT


def telemetry_command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with these variables and none of the developer's own; it never shows a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "telemetry", *arguments],
        env=clean_environment(**variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def telemetry_main(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it in this process, as `telemetry_command` does in another: that takes 0.3 s longer."""
    outside = dict(os.environ)
    stdout, stderr = io.StringIO(), io.StringIO()
    os.environ.clear()
    os.environ.update(clean_environment(outside, **variables))
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            code = main(arguments)
    finally:
        os.environ.clear()
        os.environ.update(outside)
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())
