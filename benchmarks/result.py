"""Converts samples to rows: medians, and ratios within a round."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.variants import BARE, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Sample, Samples
    from benchmarks.pages import Page


@dataclass(frozen=True, slots=True)
class Row:
    """One variant on one page. Times are milliseconds of CPU for each request."""

    variant: str
    milliseconds: float
    ratio: float
    lowest: float
    highest: float
    spans: int
    spans_a_request: float
    void: bool
    rounds: Sequence[float]


def rows(page: Page, samples: Samples) -> list[Row]:
    """Return a row for each variant, in their order."""
    bare = samples[page.title, BARE]
    return [_row(v.name, samples[page.title, v.name], bare) for v in VARIANTS]


def _row(name: str, samples: Sequence[Sample], bare: Sequence[Sample]) -> Row:
    # Ratios within a round, then their median: load by other programs slows all
    # variants of a round and cancels out.
    ratios = [s.milliseconds / b.milliseconds for s, b in zip(samples, bare, strict=True)]
    spans = sum(sample.received for sample in samples)
    times = [sample.milliseconds for sample in samples]
    return Row(
        variant=name,
        milliseconds=median(times),
        ratio=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        spans=spans,
        spans_a_request=spans / sum(sample.requests for sample in samples),
        # A variant that sends nothing is cheap, and its figures are worthless. One round
        # without data is enough, since the median includes its time.
        void=name != BARE and any(sample.received == 0 for sample in samples),
        rounds=times,
    )
