"""`python -m benchmarks.errors`: the cost of error tracking for pages that work and that fail."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.command import run_in_rounds, say
from benchmarks.hosts.variables import SENTRY_SINK
from benchmarks.machine import machine, packages
from benchmarks.measure import Samples, Target, measure
from benchmarks.pages import ROOT_DOMAIN, Page, choose_pages
from benchmarks.receivers import event_receiver, span_receiver
from tests.end_to_end.failing.job import SETTINGS
from tests.support.host import prepare_host
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Way:
    """A way to track errors: an entry module, and the variables that set its destinations."""

    name: str
    description: str
    module: str = "failing"
    endpoint: str = ""
    dsn: str = ""


BARE = Way("bare", "the host, nothing configured")
TRACED = Way("traced", "an OTLP endpoint", endpoint="OTEL_EXPORTER_OTLP_ENDPOINT")
WAYS: Sequence[Way] = (
    BARE,
    Way("tracked", "SENTRY_DSN", dsn="SENTRY_DSN"),
    TRACED,
    Way("both", "both", endpoint="OTEL_EXPORTER_OTLP_ENDPOINT", dsn="SENTRY_DSN"),
    Way("usual", "sentry_sdk.init() and its ASGI middleware", "failing_usual", dsn=SENTRY_SINK),
)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("errors", __doc__, _run, arguments)


def lines(pages: Sequence[Page], samples: Samples) -> Iterator[str]:
    """Yield the table: medians, and medians of the ratios within a round."""
    for page in pages:
        yield ""
        yield f"{page.title}, {page.requests} requests a round: {page.status}"
        yield f"  {'':<9}{'CPU ms':>9}{'to bare':>9}{'min-max':>12}{'to traced':>11}{'events':>8}"
        for way in WAYS:
            found = samples[page.title, way.name]
            to_bare, to_traced = (
                [
                    one.milliseconds / other.milliseconds
                    for one, other in zip(found, samples[page.title, reference.name], strict=True)
                ]
                for reference in (BARE, TRACED)
            )
            spread = f"{min(to_bare):.2f}-{max(to_bare):.2f}"
            events = sum(sample.received for sample in found) / sum(s.requests for s in found)
            yield (
                f"  {way.name:<9}{median(s.milliseconds for s in found):>9.3f}"
                f"{median(to_bare):>9.2f}{spread:>12}{median(to_traced):>11.2f}{events:>8.2f}"
            )


def _run(rounds: int) -> Iterator[str]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        env = {**prepare_host(folder), "DJANGO_SETTINGS_MODULE": SETTINGS}
        pages = _pages(env)
        targets = {way.name: _start(stack, way, env) for way in WAYS}
        samples = measure(targets, pages, rounds, say)
    yield "CPU a request, its ratio to the bare host's and to the traced one's of the"
    yield f"same round (medians of {rounds} rounds, interleaved), and error events a request."
    yield from lines(pages, samples)
    yield ""
    yield from (f"  {way.name:<9}{way.description}" for way in WAYS)
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _pages(env: Mapping[str, str]) -> Sequence[Page]:
    health, row, _ = choose_pages(env)
    return (
        health,
        row,
        # Few enough that no event of a round waits for space in the SDK's queue of 100.
        Page("A Django view that raises", ROOT_DOMAIN, "/fails/async-view/", 60, 500),
        Page("A Datasette route that raises", row.host, "/-/fails/route", 60, 500),
    )


def _start(stack: ExitStack, way: Way, env: Mapping[str, str]) -> Target:
    variables = {}
    errors = None
    if way.endpoint:
        variables[way.endpoint] = stack.enter_context(span_receiver()).url
    if way.dsn:
        errors = stack.enter_context(event_receiver())
        variables[way.dsn] = errors.url
    app = f"benchmarks.hosts.{way.module}:application"
    server = stack.enter_context(
        serve_uvicorn(app, env={**env, **variables}, args=["--no-access-log"])
    )
    return Target(stack.enter_context(closing(Client(server.port))), errors)


if __name__ == "__main__":
    sys.exit(main())
