"""Medians with their interval."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the interval that contains the median with a probability of 95 % at least.

    Without an assumption about the distribution: the probability that fewer than `rank` of
    `n` values are below the median is that of as many heads of a coin. With fewer than six
    values no interval reaches 95 %, and the least and the greatest are returned.

    Raises:
        ValueError: if there are no values.
    """
    if not values:
        raise ValueError("wanted at least one value")
    ordered = sorted(values)
    rank, below, number = 0, 0.0, len(ordered)
    while rank < number // 2:
        below += comb(number, rank) / 2**number
        if 2 * below > 1 - CONFIDENCE:
            break
        rank += 1
    rank = max(rank, 1)
    return ordered[rank - 1], ordered[number - rank]


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which that part of the values is, 0.99 of them for example."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
