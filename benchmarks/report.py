"""Formats the result as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.latency import latency_lines
from benchmarks.machine import machine, packages
from benchmarks.picture import draw
from benchmarks.variants import BARE, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.latency import Latency
    from benchmarks.pages import Page
    from benchmarks.result import Row

WIDTH = 80
_HEADER = (
    f"  {'':<8}{'CPU ms':>9}{'ratio':>7}{'interval':>13}{'more µs':>9}{'of contrib':>12}"
    f"{'loop µs':>9}{'spans':>8}"
)
_LEGEND = (
    "interval: of the ratio's median, with a probability of 95 %. more µs: than the bare host. "
    "of contrib: what is added, divided by what contrib adds. loop µs: of what is added, that "
    "of the event loop's thread. spans: received for each request. Each round has servers of its "
    "own."
)


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `envelopes` is the number that the seed's Sentry receiver got."""

    rounds: int
    results: Sequence[tuple[Page, Sequence[Row]]]
    envelopes: int
    latencies: Sequence[Latency] = ()

    @property
    def void(self) -> bool:
        """Whether any row is void."""
        return any(row.void for _, found in self.results for row in found)

    def text(self) -> str:
        """Return the table, at most 80 columns wide."""
        return "\n".join(self._lines()) + "\n"

    def json(self) -> str:
        """Return all figures, including those of each round."""
        pages = [
            {**asdict(page), "variants": [asdict(row) for row in found]}
            for page, found in self.results
        ]
        document = {
            "machine": machine(),
            "packages": packages(),
            "rounds": self.rounds,
            "sentry_envelopes": self.envelopes,
            "pages": pages,
            "latencies": [asdict(latency) for latency in self.latencies],
        }
        return json.dumps(document, indent=2) + "\n"

    def picture(self) -> str:
        """Return the ratios as an SVG document."""
        return draw(self.results, self.rounds)

    def _lines(self) -> Iterator[str]:
        yield "CPU a request, and its ratio to the bare host's in the same round"
        yield fill(f"(medians of {self.rounds} rounds, variants interleaved).", WIDTH)
        for page, found in self.results:
            yield ""
            yield f"{page.title}, {page.requests} requests a round:"
            yield f"  GET {page.path}"
            yield _HEADER
            yield from map(_line, found)
        yield ""
        yield from latency_lines(self.latencies)
        yield ""
        yield fill(_LEGEND, WIDTH)
        yield ""
        yield from (f"  {variant.name:<8} {variant.description}" for variant in VARIANTS)
        yield ""
        yield f"The Sentry sinks got {self.envelopes} envelopes, the seed's."
        yield fill(machine(), WIDTH)
        # Names of packages are not broken at their hyphens.
        yield fill(packages(), WIDTH, break_on_hyphens=False)


def _line(row: Row) -> str:
    if row.void:
        return f"  {row.variant:<8} VOID: {row.spans} spans arrived, and none in some round"
    start = f"  {row.variant:<8}{row.milliseconds:>9.3f}{row.ratio:>7.3f}"
    if row.variant == BARE:
        return start
    interval = f"{row.lowest:.3f}-{row.highest:.3f}"
    return (
        f"{start}{interval:>13}{row.added_microseconds:>9.0f}{row.of_contrib:>12.2f}"
        f"{row.loop_microseconds:>9.0f}{row.spans_a_request:>8.1f}"
    )
