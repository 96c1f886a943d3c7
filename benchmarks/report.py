"""Formats the result as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.machine import machine, packages
from benchmarks.variants import BARE, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.pages import Page
    from benchmarks.result import Row

WIDTH = 80
_HEADER = (
    f"  {'':<8} {'CPU ms':>9} {'ratio':>7} {'min-max':>12} {'spans':>9} {'spans a request':>17}"
)


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `envelopes` is the number that the seed's Sentry receiver got."""

    rounds: int
    results: Sequence[tuple[Page, Sequence[Row]]]
    envelopes: int

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
        }
        return json.dumps(document, indent=2) + "\n"

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
        yield from (f"  {variant.name:<8} {variant.description}" for variant in VARIANTS)
        yield ""
        yield f"The seed's Sentry sink got {self.envelopes} envelopes."
        yield fill(machine(), WIDTH)
        # Names of packages are not broken at their hyphens.
        yield fill(packages(), WIDTH, break_on_hyphens=False)


def _line(row: Row) -> str:
    if row.void:
        return f"  {row.variant:<8} VOID: {row.spans} spans arrived, and none in some round"
    start = f"  {row.variant:<8} {row.milliseconds:>9.3f} {row.ratio:>7.2f}"
    if row.variant == BARE:
        return f"{start} {'':>12} {'-':>9} {'-':>17}"
    spread = f"{row.lowest:.2f}-{row.highest:.2f}"
    return f"{start} {spread:>12} {row.spans:>9} {row.spans_a_request:>17.1f}"
