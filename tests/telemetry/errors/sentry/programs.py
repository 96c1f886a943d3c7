"""Programs that report their errors, each in a process of its own."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from tests.support.environment import clean_environment
from tests.support.forks import python
from tests.support.paths import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from telemetry.testing import EventReceiver

START = """
import telemetry
telemetry.configure(default_service_name="program")
telemetry.report_errors()
"""


def run_program(
    folder: Path,
    errors: EventReceiver | str,
    code: str,
    *,
    start: str = START,
    name: str = "program.py",
    arguments: Sequence[str] = (),
    **env: str,
) -> subprocess.CompletedProcess[str]:
    """Run code that was started as a program is; `errors` is where its errors go."""
    path = folder / name
    code = start + dedent(code)
    path.write_text(code)
    dsn = errors if isinstance(errors, str) else errors.dsn
    defaults = {
        "PYTHONPATH": str(ROOT),
        "SENTRY_DSN": dsn,
        "TELEMETRY_RAISE_FAILURES": "1",
        "TELEMETRY_SHUTDOWN_TIMEOUT": "20s",
    }
    variables = clean_environment(**(defaults | env))
    return python(str(path), *arguments, env=variables, cwd=folder)


def printed(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of a program that must not have failed."""
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
