"""What Datasette measures, where a process holds several."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.environment import clean_environment
from tests.support.forks import python


def _measured(sampled: str) -> Any:
    done = python(
        "-m",
        "tests.telemetry.datasette.measured",
        sampled,
        env=clean_environment(),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["sampled", "unsampled"])
def measured(request: pytest.FixtureRequest) -> Any:
    return _measured(request.param)


def test_levels_are_sums_over_all_instances(measured: Any) -> None:
    """Of 2, 2 and 3 threads; five queries in two threads wait for three, four writes for three."""
    busy = measured["levels"]["busy"]
    # The one before, of the other scenario, has not been closed.
    assert busy["corkboard.datasette.instances"] == 4
    assert busy["datasette.sql.threads.limit"] == 2 + 2 + 2 + 3
    assert busy["datasette.sql.threads.queue_depth"] == 3
    assert busy["datasette.sql.queries.pending minutes"] == 6
    assert busy["datasette.write.queue_depth minutes"] == 3
    before = measured["levels"]["open connections while busy"]
    # And those of the one before.
    assert busy["datasette.connections.open minutes"] >= before >= 4


def test_levels_fall_again(measured: Any) -> None:
    """Once nobody waits, and once an instance is closed."""
    idle, closed = measured["levels"]["idle"], measured["levels"]["without the last"]
    assert idle["datasette.sql.threads.queue_depth"] == 0
    assert idle["datasette.sql.queries.pending minutes"] == 0
    assert idle["datasette.write.queue_depth minutes"] == 0
    assert closed["corkboard.datasette.instances"] == 3
    assert closed["datasette.sql.threads.limit"] == 6


def test_what_was_expected_to_fail_is_no_error(measured: Any) -> None:
    """A probe of a column, a time limit of its caller's own; be the trace recorded or not."""
    assert measured["failures"]["durations"] == {
        "read": 3,
        "read OperationalError": 1,
        "read QueryInterrupted": 1,
        "read LookupError": 1,
        "write LookupError": 1,
    }


def test_queries_have_no_exemplars(measured: Any) -> None:
    """The request's own histogram has them."""
    assert measured["failures"]["exemplars"] == 0
