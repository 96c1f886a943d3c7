"""`python -m benchmarks.logs`: the cost of a log line for each request, and of sending it."""

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
from benchmarks.machine import machine, packages
from benchmarks.measure import Target, measure
from benchmarks.pages import choose_pages
from benchmarks.receivers import span_receiver
from benchmarks.table import lines_of_ways
from tests.support.host import prepare_host
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NO_LINE = "INFO,telemetry.access=CRITICAL"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to log: an entry module, its variables, and whether there is a receiver."""

    name: str
    description: str
    module: str = "ours"
    variables: Mapping[str, str] = field(default_factory=dict)
    sent: bool = False
    server_logs: bool = False


BARE = Way("bare", "the host without telemetry, and no line", "bare")
WAYS: Sequence[Way] = (
    BARE,
    Way(
        "uvicorn",
        "the host without telemetry, and uvicorn's own line",
        "bare",
        {"DJANGO_SETTINGS_MODULE": "benchmarks.hosts.plain_settings"},
        server_logs=True,
    ),
    Way("line", "nothing configured: the access line as JSON", "logging_only"),
    Way(
        "traced",
        "an OTLP endpoint, for traces and metrics; no line",
        variables={"OTEL_LOGS_EXPORTER": "none", "LOGLEVEL": NO_LINE},
        sent=True,
    ),
    Way("both", "as above, with the line", variables={"OTEL_LOGS_EXPORTER": "none"}, sent=True),
    Way("sent", "as above, and the line as an OpenTelemetry record", sent=True),
)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("logs", __doc__, _run, arguments)


def _run(rounds: int) -> Iterator[str]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        env = prepare_host(folder)
        health, row, _ = choose_pages(env)
        pages = (health, row)
        targets = {way.name: _start(stack, way, env) for way in WAYS}
        samples = measure(targets, pages, rounds, say)
    yield "CPU a request, and what it is more than the bare host's of the same round"
    yield f"(medians of {rounds} rounds, interleaved; lines are written to a file)."
    yield from lines_of_ways(pages, samples, [way.name for way in WAYS], BARE.name)
    yield ""
    yield from (f"  {way.name:<9}{way.description}" for way in WAYS)
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _start(stack: ExitStack, way: Way, env: Mapping[str, str]) -> Target:
    variables = dict(way.variables)
    receiver = stack.enter_context(span_receiver()) if way.sent else None
    if receiver is not None:
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.url
    server = stack.enter_context(
        serve_uvicorn(
            f"benchmarks.hosts.{way.module}:application",
            env={**env, **variables},
            args=[] if way.server_logs else ["--no-access-log"],
        )
    )
    return Target(stack.enter_context(closing(Client(server.port))), receiver)


if __name__ == "__main__":
    sys.exit(main())
