"""`python -m benchmarks.releases`: the cost of telemetry with an older release of Datasette."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.command import run_in_rounds, say
from benchmarks.machine import machine
from benchmarks.measure import Target, measure
from benchmarks.pages import choose_pages
from benchmarks.receivers import span_receiver
from benchmarks.table import lines_of_ways
from tests.support.host import prepare_host
from tests.support.servers import serve_uvicorn
from tests.telemetry.datasette.releases.run import python_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RELEASE = "1.0a28"


@dataclass(frozen=True, slots=True)
class Way:
    """What is recorded, by which variables."""

    name: str
    description: str
    observed: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)


BARE = Way("bare", "Datasette without telemetry", observed=False)
WAYS: Sequence[Way] = (
    BARE,
    Way(
        "requests",
        "an OTLP endpoint, and TELEMETRY_DATASETTE_QUERIES=false",
        variables={"TELEMETRY_DATASETTE_QUERIES": "false"},
    ),
    Way("queries", "an OTLP endpoint"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("releases", __doc__, _run, arguments)


def _run(rounds: int) -> Iterator[str]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        env = prepare_host(folder)
        _, row, table = choose_pages(env)
        targets = {way.name: _start(stack, way, env) for way in WAYS}
        samples = measure(targets, (row, table), rounds, say)
    yield f"Datasette {RELEASE}: CPU a request, and what it is more than the bare one's of the"
    yield f"same round (medians of {rounds} rounds, interleaved)."
    yield from lines_of_ways((row, table), samples, [way.name for way in WAYS], BARE.name)
    yield ""
    yield from (f"  {way.name:<9}{way.description}" for way in WAYS)
    yield ""
    yield fill(machine(), 80)


def _start(stack: ExitStack, way: Way, env: Mapping[str, str]) -> Target:
    meetings = min(Path(env["SITES_DIR"]).glob("*/meetings.db"))
    variables = {**way.variables, "BENCHMARK_DATABASE": str(meetings)}
    variables["OTEL_PYTHON_DJANGO_INSTRUMENT"] = "False"
    receiver = stack.enter_context(span_receiver()) if way.observed else None
    if receiver is not None:
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.url
    server = stack.enter_context(
        serve_uvicorn(
            "benchmarks.hosts.older:application",
            env={**env, **variables},
            args=["--no-access-log"],
            python=python_with(RELEASE),
        )
    )
    return Target(stack.enter_context(closing(Client(server.port))), receiver)


if __name__ == "__main__":
    sys.exit(main())
