"""What is printed to a terminal whose encoding does not have each character."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.environment import clean_environment, without_shared


@pytest.mark.parametrize("command", ["check", "config"])
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_character_that_can_not_be_printed_is_escaped(command: str, encoding: str) -> None:
    """The commands ended with a traceback."""
    environ = clean_environment(
        without_shared(os.environ),
        OTEL_SERVICE_NAME="日本",
        OTEL_TRACES_EXPORTER="console",
        PYTHONIOENCODING=encoding,
        # Without it, Python's UTF-8 mode may decide.
        PYTHONUTF8="0",
    )
    done = subprocess.run(
        [sys.executable, "-m", "telemetry", command],
        env=environ,
        capture_output=True,
        encoding=encoding,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert r"\u65e5\u672c" in done.stdout
