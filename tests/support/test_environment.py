"""What a test's subprocess sees of the developer's environment."""

from __future__ import annotations

import os
import subprocess
import sys

from telemetry.settings import passed_on, variables
from telemetry.settings.variable import declared
from tests.support.environment import SHARED, clean_environment, without_shared
from tests.support.paths import ROOT


def test_what_we_read_is_gone_and_overrides_are_in() -> None:
    """Prefixes and the host's own names; everything else is kept."""
    base = {
        "OTEL_SERVICE_NAME": "x",
        "LOGFIRE_TOKEN": "x",
        "SENTRY_DSN": "x",
        "TELEMETRY_SLOW": "x",
        "DEBUG": "1",
        "SECRET_KEY": "x",
        "PATH": "/bin",
    }
    assert clean_environment(base, DEBUG="0") == {"PATH": "/bin", "DEBUG": "0"}


def test_what_others_read_too_is_known() -> None:
    """It is left out where a test compares what it changes."""
    assert {each.upper() for each in declared(variables, passed_on) if each.shared} <= SHARED
    base = {"SSL_CERT_FILE": "x", "https_proxy": "x", "PATH": "/bin"}
    assert without_shared(base) == {"PATH": "/bin"}


def test_this_process_was_cleaned_too() -> None:
    """A developer's own token reaches no test, not even an in-process one."""
    options = ["-q", "-p", "no:cacheprovider", "-k", "sees_no_token"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, __file__],
        cwd=ROOT,
        env={**os.environ, "LOGFIRE_TOKEN": "developers-own", "OTEL_SERVICE_NAME": "theirs"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_sees_no_token() -> None:
    """Run by the test above with a token set, and on its own without."""
    assert "LOGFIRE_TOKEN" not in os.environ
    assert "OTEL_SERVICE_NAME" not in os.environ
