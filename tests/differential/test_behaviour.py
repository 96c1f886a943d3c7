"""The tree does what the last release does, but for the differences that `wanted.toml` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.differential import baseline
from tests.differential.comparing import Comparison, read_wanted, report
from tests.differential.recordings import NAMES
from tests.differential.requests import all_requests, some_requests
from tests.differential.surfaces import documented_variables
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from tests.differential.recordings import Recordings

# Both versions are installed and run in the first test that needs a recording.
pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_has_changed(name: str, recordings: Recordings) -> None:
    """Everything that can be seen from outside, line by line."""
    differences = Comparison(read_wanted()).of_run(name, *recordings.surfaces(name))
    if differences and recordings.renew(name):
        differences = Comparison(read_wanted()).of_run(name, *recordings.surfaces(name))
    assert not differences, report(differences)
    recordings.keep(name)


def test_each_wanted_difference_is_there(recordings: Recordings) -> None:
    """An entry that names no difference any more has to go."""
    comparison = Comparison(read_wanted())
    for name in NAMES:
        comparison.of_run(name, *recordings.surfaces(name))
    documents = (documented_variables(folder) for folder in (baseline.archive(), ROOT))
    comparison.differences("documents/variables", *documents)
    stale = comparison.stale()
    assert not stale, report((), stale)


def test_the_recordings_are_not_empty(recordings: Recordings) -> None:
    """Two empty recordings are equal, too."""
    sent = {request.label for request in all_requests()}
    assert len(sent) >= 200
    for full in recordings.surfaces("otlp-http"):
        assert full["answers"].keys() == sent
        # Static files and what is no HTTP have no span.
        assert len(full["spans"]) > 0.85 * len(sent)
        assert len(full["standard output"]) > 0.85 * len(sent)
        assert len(full["error events"]) > 20
        # An answer of each class, 101 for a WebSocket among them.
        classes = {answer["status"][9:10] for answer in full["answers"].values()}
        assert classes >= {"1", "2", "3", "4", "5"}
    for name in ("grpc-prometheus", "logfire-console"):
        for few in recordings.surfaces(name):
            assert len(few["answers"]) == len(some_requests())
            assert {"http.server.request.duration", "compared.counter"} <= few["metrics"].keys()
            assert few["log records"]
    for version in range(2):
        console = recordings.surfaces("logfire-console")[version]
        assert len(console["spans"]) >= len(some_requests())
        assert len(console["standard error"]["text"]) > 20
        assert len(recordings.surfaces("grpc-prometheus")[version]["Prometheus"]) > 100
        found = recordings.surfaces("cases")[version]
        assert found["standard error"] == {}
        assert found["cases"]["check, OTLP and errors"]["exit code"] == 0
        assert found["cases"]["start with everything wrong"]["exit code"] == 1
