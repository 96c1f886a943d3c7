"""Parses the spans and points that the scenarios recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.environment import clean_environment
from tests.support.forks import python


@dataclass(frozen=True)
class Span:
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    scope: str
    schema: str
    status: str
    attributes: dict[str, Any]
    events: list[str]
    links: list[str]


@dataclass(frozen=True)
class Point:
    name: str
    scope: str
    attributes: dict[str, Any]
    count: int


@dataclass(frozen=True)
class Outcome:
    """Spans of one scenario, and the number of requests in the metrics."""

    spans: list[Span]
    requests: int

    @property
    def server(self) -> Span:
        """The only SERVER span."""
        [span] = (span for span in self.spans if span.kind == "SERVER")
        return span

    @property
    def traces(self) -> set[str]:
        return {span.trace for span in self.spans}

    def named(self, start: str) -> list[Span]:
        return [span for span in self.spans if span.name.startswith(start)]


class Recorded:
    """The whole output of one run of the scenarios."""

    def __init__(self, printed: dict[str, Any]) -> None:
        self._scenarios = printed["scenarios"]
        self.points = [Point(**point) for point in printed["points"]]

    @property
    def scenarios(self) -> list[str]:
        return list(self._scenarios)

    def __getitem__(self, scenario: str) -> Outcome:
        outcome = self._scenarios[scenario]
        return Outcome([Span(**span) for span in outcome["spans"]], outcome["requests"])


def run_scenarios() -> Recorded:
    """Run all scenarios in a new process. Raises AssertionError with its output if it fails."""
    done = python(
        "-m",
        "tests.telemetry.datasette.scenarios",
        env=clean_environment(),
    )
    assert done.returncode == 0, done.stderr
    return Recorded(json.loads(done.stdout.splitlines()[-1]))
