"""Converts samples to rows: medians, and ratios within a round."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.statistics import median_interval
from benchmarks.variants import BARE, CONTRIB, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Sample, Samples
    from benchmarks.pages import Page
    from benchmarks.variants import Variant

# Of so many kept traces that are expected, one arrives.
_MANY = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One variant on one page. Times are milliseconds of CPU for each request."""

    variant: str
    milliseconds: float
    ratio: float
    lowest: float
    highest: float
    """The interval of the ratio's median."""
    added_microseconds: float
    """More than the bare host, for each request."""
    of_contrib: float
    """What the variant adds, divided by what contrib adds."""
    loop_microseconds: float
    """Of what is added, that of the event loop's own thread."""
    spans: int
    spans_a_request: float
    void: bool
    rounds: Sequence[float]


def rows(page: Page, samples: Samples) -> list[Row]:
    """Return a row for each variant, in their order."""
    return [_row(variant, page, samples) for variant in VARIANTS]


def _row(variant: Variant, page: Page, samples: Samples) -> Row:
    found, bare, contrib = (samples[page.title, name] for name in (variant.name, BARE, CONTRIB))
    # Ratios within a round, then their median: load by other programs slows all
    # variants of a round and cancels out.
    ratios = [s.milliseconds / b.milliseconds for s, b in zip(found, bare, strict=True)]
    lowest, highest = median_interval(ratios)
    added = median(_added(found, bare))
    spans = sum(sample.received for sample in found)
    return Row(
        variant=variant.name,
        milliseconds=median(sample.milliseconds for sample in found),
        ratio=median(ratios),
        lowest=lowest,
        highest=highest,
        added_microseconds=added * 1000,
        # Not by round: a round in which contrib adds next to nothing would decide.
        of_contrib=added / (median(_added(contrib, bare)) or float("nan")),
        loop_microseconds=1000
        * median(
            one.loop_milliseconds - two.loop_milliseconds
            for one, two in zip(found, bare, strict=True)
        ),
        spans=spans,
        spans_a_request=spans / sum(sample.requests for sample in found),
        void=_is_void(variant, found),
        rounds=[sample.milliseconds for sample in found],
    )


def _added(found: Sequence[Sample], bare: Sequence[Sample]) -> list[float]:
    return [one.milliseconds - two.milliseconds for one, two in zip(found, bare, strict=True)]


def _is_void(variant: Variant, found: Sequence[Sample]) -> bool:
    if not variant.sends:
        return False
    if variant.keeps < 1:
        # By chance, a sampler drops all of a few traces.
        expected = variant.keeps * sum(sample.requests for sample in found)
        return expected >= _MANY and not any(sample.received for sample in found)
    # A variant that sends nothing is cheap, and its figures are worthless. One round
    # without data is enough, since the median includes its time.
    return not all(sample.received for sample in found)
