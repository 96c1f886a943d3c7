"""Times of requests, with one visitor and with several at the same time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.client import Client
from benchmarks.statistics import percentile
from benchmarks.variants import BARE, CONTRIB, OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.pages import Page

VISITORS = (1, 8, 32)
COMPARED = (BARE, OURS, CONTRIB)
SLICES = 5


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of a variant's requests, by the client's clock."""

    page: str
    visitors: int
    variant: str
    requests: int
    p50: float
    p99: float


def measure_latencies(
    ports: Mapping[str, int],
    pages: Sequence[Page],
    say: Callable[[str], None],
    slices: int = SLICES,
) -> list[Latency]:
    """Return the times of each page, number of visitors and compared variant.

    Each visitor has a connection, and sends a request when the last one is answered. The
    variants take turns, as often as there are slices.
    """
    found = []
    for page in pages:
        for visitors in VISITORS:
            say(f"{visitors} visitors of {page.title}")
            times: dict[str, list[float]] = {name: [] for name in COMPARED}
            each = max(1, page.requests // visitors)
            for _ in range(slices):
                for name in COMPARED:
                    times[name] += _visit(ports[name], page, visitors, each)
            found += [
                Latency(
                    page.title,
                    visitors,
                    name,
                    len(times[name]),
                    median(times[name]),
                    percentile(times[name], 0.99),
                )
                for name in COMPARED
            ]
    return found


def latency_lines(latencies: Sequence[Latency]) -> Iterator[str]:
    """Yield the table, at most 80 columns wide."""
    yield "Milliseconds of a request, by the client's clock: p50 and p99"
    heads = "".join(f"{name:>17}" for name in COMPARED)
    yield f"  {'':<18}{'requests':>9}{heads}"
    by_row: dict[tuple[str, int], dict[str, Latency]] = {}
    for each in latencies:
        by_row.setdefault((each.page, each.visitors), {})[each.variant] = each
    last = ""
    for (page, visitors), found in by_row.items():
        if page != last:
            yield f"  {page}"
            last = page
        cells = "".join(f"{f'{found[n].p50:.1f} {found[n].p99:.1f}':>17}" for n in COMPARED)
        name = f"{visitors} visitor{'s' if visitors > 1 else ''}"
        yield f"    {name:<16}{found[BARE].requests:>9}{cells}"


def _visit(port: int, page: Page, visitors: int, requests: int) -> list[float]:
    def one(_number: int) -> list[float]:
        times = []
        with closing(Client(port)) as client:
            client.connect()
            for _ in range(requests):
                began = time.perf_counter()
                client.request_page(page, 1)
                times.append((time.perf_counter() - began) * 1000)
        return times

    with ThreadPoolExecutor(visitors) as pool:
        return [time for times in pool.map(one, range(visitors)) for time in times]
