from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.testing import EventReceiver
from tests.support.environment import clean_environment
from tests.support.forks import python
from tests.telemetry.datasette.aggregated_pages import aggregated_pages
from tests.telemetry.datasette.recorded import Recorded, run_scenarios

if TYPE_CHECKING:
    from pathlib import Path

if TYPE_CHECKING:
    from telemetry.testing import ReceivedErrorEvent


def _emitted(whose: str) -> dict[str, Any]:
    done = python(
        "-m",
        "tests.conformance.emit",
        whose,
        env=clean_environment(OTEL_SEMCONV_STABILITY_OPT_IN="http"),
    )
    assert done.returncode == 0, done.stderr
    emitted: dict[str, Any] = json.loads(done.stdout)
    return emitted


@pytest.fixture(scope="session")
def contrib() -> dict[str, Any]:
    """What contrib's instrumentations emit for the requests in `emit`."""
    return _emitted("contrib")


@pytest.fixture(scope="session")
def ours() -> dict[str, Any]:
    """What this layer emits for the same requests."""
    return _emitted("ours")


@pytest.fixture(scope="session")
def aggregated_spans(_host_template: Path) -> list[dict[str, Any]]:
    """Spans of a Datasette's pages with all queries aggregated, even slow ones."""
    pages = aggregated_pages(_host_template, fold_below=60)
    return [span for page in pages.values() for span in page["aggregated"]]


@pytest.fixture(scope="session")
def datasette() -> Recorded:
    """Spans and points of a Datasette behind the edge."""
    return run_scenarios()


@pytest.fixture(scope="session")
def error_events() -> list[ReceivedErrorEvent]:
    """Error events of the failures in `emit_errors`."""
    with EventReceiver() as errors:
        done = python(
            "-m",
            "tests.conformance.emit_errors",
            env=clean_environment(
                SENTRY_DSN=errors.dsn,
                TELEMETRY_TRACE_URL="https://traces.example.org/{trace_id}",
                # With an exporter, requests have spans, and an event links only to those.
                OTEL_TRACES_EXPORTER="console",
                TELEMETRY_CONSOLE="off",
                TELEMETRY_RAISE_FAILURES="1",
                # One of the events is too large for an error tracker.
                TELEMETRY_TEXT_LENGTH_LIMIT="32768",
            ),
        )
    assert done.returncode == 1, done.stderr
    assert done.stderr.endswith("LookupError: minutes are lost\n"), done.stderr
    return errors.events
