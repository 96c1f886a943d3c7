"""The interval of a median."""

from __future__ import annotations

import random

import pytest

from benchmarks.statistics import median_interval, percentile


def test_fifteen_values_leave_out_three_at_each_end() -> None:
    """The literature's table of ranks for a probability of 95 %: 4 and 12 of 15, 1 and 6 of 6."""
    assert median_interval([*range(1, 16)]) == (4, 12)
    assert median_interval([*range(1, 7)]) == (1, 6)
    assert median_interval([*range(1, 11)]) == (2, 9)


def test_few_values_give_their_range() -> None:
    """No interval of theirs reaches 95 %."""
    assert median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert median_interval([5.0]) == (5.0, 5.0)
    with pytest.raises(ValueError, match="at least one value"):
        median_interval([])


def test_it_contains_the_median_as_often_as_it_says() -> None:
    """Of a skewed distribution, whose median is ln 2."""
    drawn = random.Random(1)
    inside = 0
    for _ in range(1000):
        low, high = median_interval([drawn.expovariate(1) for _ in range(15)])
        inside += low <= 0.6931 <= high
    assert inside > 945


def test_a_percentile_is_one_of_the_values() -> None:
    """The last one, where there are too few."""
    assert percentile([*range(1000)], 0.99) == 990
    assert percentile([1.0], 0.99) == 1.0
