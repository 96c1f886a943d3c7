"""The tree does what the first version did, but for the differences that `wanted.toml` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.differential.comparing import Comparison, read_wanted, report
from tests.differential.recording import RUNS
from tests.differential.requests import all_requests, some_requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.differential.surfaces import Surfaces

NAMES = (*RUNS, "cases")

# Both versions are installed and run in the first test that needs a recording.
pytestmark = pytest.mark.timeout(900)


def compared(comparison: Comparison, name: str, both: dict[str, Surfaces]) -> list[str]:
    """Give the differences of all surfaces of one run."""
    baseline, tree = both["baseline"], both["tree"]
    assert baseline.keys() == tree.keys()
    return [
        line
        for surface in baseline
        for line in comparison.differences(f"{name}/{surface}", baseline[surface], tree[surface])
    ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_has_changed(
    name: str, recorded: Callable[[str], dict[str, Surfaces]]
) -> None:
    """Everything that can be seen from outside, line by line."""
    differences = compared(Comparison(read_wanted()), name, recorded(name))
    assert not differences, report(differences)


def test_each_wanted_difference_is_there(recorded: Callable[[str], dict[str, Surfaces]]) -> None:
    """An entry that names no difference any more has to go."""
    comparison = Comparison(read_wanted())
    for name in NAMES:
        compared(comparison, name, recorded(name))
    stale = comparison.stale()
    assert not stale, report((), stale)


def test_the_recordings_are_not_empty(recorded: Callable[[str], dict[str, Surfaces]]) -> None:
    """Two empty recordings are equal, too."""
    for version in ("baseline", "tree"):
        full = recorded("otlp-http")[version]
        sent = {request.label for request in all_requests()}
        assert full["answers"].keys() == sent
        assert len(sent) >= 200
        # Static files and requests that are no HTTP have no span.
        assert len(full["spans"]) > 0.85 * len(sent)
        assert len(full["error events"]) > 20
        assert len(full["standard output"]) > 0.85 * len(sent)
        for name in ("grpc-prometheus", "logfire-console"):
            few = recorded(name)[version]
            assert len(few["answers"]) == len(some_requests())
            assert {"http.server.request.duration", "compared.counter"} <= few["metrics"].keys()
            assert few["log records"]
        assert len(recorded("logfire-console")[version]["spans"]) >= len(some_requests())
        assert len(recorded("logfire-console")[version]["standard error"]["text"]) > 20
        assert len(recorded("grpc-prometheus")[version]["Prometheus"]) > 100
        cases = recorded("cases")[version]
        assert cases["unexpected"] == ""
        assert cases["cases"]["check, OTLP and errors"]["exit code"] == 0
        assert cases["cases"]["start with everything wrong"]["exit code"] == 1


def test_statuses_of_every_class_are_compared(
    recorded: Callable[[str], dict[str, Surfaces]],
) -> None:
    """1xx for a WebSocket, 2xx to 5xx for pages."""
    answers = recorded("otlp-http")["tree"]["answers"]
    classes = {answer["status"][9:10] for answer in answers.values()}
    assert classes >= {"1", "2", "3", "4", "5"}
