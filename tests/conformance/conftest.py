from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.testing import EventReceiver
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.telemetry.datasette.folded import fold_pages
from tests.telemetry.datasette.recorded import Recorded, run_scenarios

if TYPE_CHECKING:
    from pathlib import Path

if TYPE_CHECKING:
    from telemetry.testing import ReceivedErrorEvent


def _emitted(whose: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance.emit", whose],
        cwd=ROOT,
        env=clean_environment(OTEL_SEMCONV_STABILITY_OPT_IN="http"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    emitted: dict[str, Any] = json.loads(done.stdout)
    return emitted


@pytest.fixture(scope="session")
def contrib() -> dict[str, Any]:
    """What contrib's instrumentations made of the requests in `emit`."""
    return _emitted("contrib")


@pytest.fixture(scope="session")
def ours() -> dict[str, Any]:
    """What ours made of the same requests."""
    return _emitted("ours")


@pytest.fixture(scope="session")
def folded(_host_template: Path) -> list[dict[str, Any]]:
    """The spans that are left of a Datasette's pages, whatever a busy machine makes slow."""
    pages = fold_pages(_host_template, fold_below=60)
    return [span for page in pages.values() for span in page["folded"]]


@pytest.fixture(scope="session")
def datasette() -> Recorded:
    """What a Datasette behind the edge left."""
    return run_scenarios()


@pytest.fixture(scope="session")
def error_events() -> list[ReceivedErrorEvent]:
    """What arrived of the failures in `emit_errors`."""
    with EventReceiver() as errors:
        done = subprocess.run(
            [sys.executable, "-m", "tests.conformance.emit_errors"],
            cwd=ROOT,
            env=clean_environment(
                SENTRY_DSN=errors.dsn,
                TELEMETRY_TRACE_URL="https://traces.example.org/{trace_id}",
                # A span for what is traced, kept or not: an event links to no other.
                OTEL_TRACES_EXPORTER="console",
                TELEMETRY_CONSOLE="off",
                TELEMETRY_RAISE_FAILURES="1",
            ),
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 1, done.stderr
    assert done.stderr.endswith("LookupError: minutes are lost\n"), done.stderr
    return errors.events
