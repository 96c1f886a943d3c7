"""`python -m telemetry ...` as somebody types it."""

from __future__ import annotations

import subprocess
import sys

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
