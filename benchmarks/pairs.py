"""Compares two configurations of the same host, with two processes of each."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.command import say
from benchmarks.measure import Samples, Target, measure
from benchmarks.pages import choose_pages
from benchmarks.receivers import span_receiver
from tests.support.host import prepare_host
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.pages import Page

# Two processes of the same program can differ by a few percent for all their life.
PROCESSES = 2


def measure_pair(
    ways: Mapping[str, Mapping[str, str]], rounds: int
) -> tuple[Sequence[Page], Samples]:
    """Return the pages, and the samples by configuration and number of the process."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        env = prepare_host(folder)
        pages = choose_pages(env)
        targets = {
            f"{way} {number}": _start(stack, {**env, **variables})
            for number in range(PROCESSES)
            for way, variables in ways.items()
        }
        return pages, measure(targets, pages, rounds, say)


def pair_lines(
    pages: Sequence[Page], samples: Samples, ways: tuple[str, ...], rounds: int
) -> Iterator[str]:
    """Yield the table: medians, and medians of the differences and ratios within a round."""
    first, second = ways
    yield f"(medians of {rounds} rounds of two processes each, interleaved):"
    head = f"  {'':<28}{f'{first} ms':>11}{f'{second} ms':>11}"
    yield f"{head}{'more µs':>9}{'ratio':>7}{'min-max':>12}"
    for page in pages:
        before, after = (of_a_way(page, way, samples) for way in ways)
        pairs = list(zip(before, after, strict=True))
        more = median((two - one) * 1000 for one, two in pairs)
        ratios = [two / one for one, two in pairs]
        yield (
            f"  {page.title:<28}{median(before):>11.3f}{median(after):>11.3f}{more:>9.0f}"
            f"{median(ratios):>7.2f}{f'{min(ratios):.2f}-{max(ratios):.2f}':>12}"
        )


def of_a_way(page: Page, way: str, samples: Samples) -> list[float]:
    """Return milliseconds for each request by round, the mean of the processes."""
    processes = [samples[page.title, f"{way} {number}"] for number in range(PROCESSES)]
    return [
        sum(sample.milliseconds for sample in round_) / PROCESSES
        for round_ in zip(*processes, strict=True)
    ]


def _start(stack: ExitStack, env: Mapping[str, str]) -> Target:
    receiver = stack.enter_context(span_receiver())
    server = stack.enter_context(
        serve_uvicorn(
            "benchmarks.hosts.ours:application",
            env={**env, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url},
            args=["--no-access-log"],
        )
    )
    return Target(stack.enter_context(closing(Client(server.port))), receiver)
