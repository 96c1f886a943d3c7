"""Python code in a process of its own, for what is global or comes once in a process's life.

It is a fork where that makes no difference: see `tests.support.forks`.
"""

from __future__ import annotations

import os
from textwrap import dedent
from typing import TYPE_CHECKING

from tests.support.environment import clean_environment
from tests.support.forks import python
from tests.support.paths import ROOT

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


def run_python(folder: Path, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run code in a folder, whose modules and this repository's can be imported."""
    defaults = {
        "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
        "TELEMETRY_RAISE_FAILURES": "1",
        # A busy machine gets the time to send the rest.
        "TELEMETRY_SHUTDOWN_TIMEOUT": "20s",
    }
    return python("-c", dedent(code), env=clean_environment(**(defaults | env)), cwd=folder)


def printed(folder: Path, code: str, **env: str) -> str:
    """What the code printed. Raises AssertionError with its errors if it failed."""
    done = run_python(folder, code, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
