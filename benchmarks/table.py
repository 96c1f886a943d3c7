"""The table of a benchmark that compares ways of serving with a bare one."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measure import Samples
    from benchmarks.pages import Page


def lines_of_ways(
    pages: Sequence[Page], samples: Samples, ways: Sequence[str], bare: str
) -> Iterator[str]:
    """Yield medians, and medians of the differences and ratios within a round.

    Args:
        pages: the pages, in their order.
        samples: of each page and way.
        ways: the names of the ways, in their order.
        bare: the name of the one that the others are compared with.
    """
    for page in pages:
        yield ""
        yield f"{page.title}, {page.requests} requests a round:"
        yield f"  {'':<9}{'CPU ms':>9}{'more µs':>9}{'to bare':>9}{'min-max':>12}"
        baseline = samples[page.title, bare]
        for way in ways:
            found = samples[page.title, way]
            pairs = list(zip(found, baseline, strict=True))
            more = median((one.milliseconds - two.milliseconds) * 1000 for one, two in pairs)
            ratios = [one.milliseconds / two.milliseconds for one, two in pairs]
            yield (
                f"  {way:<9}{median(s.milliseconds for s in found):>9.3f}{more:>9.0f}"
                f"{median(ratios):>9.2f}{f'{min(ratios):.2f}-{max(ratios):.2f}':>12}"
            )
