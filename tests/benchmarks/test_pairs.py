"""The table of two ways: the mean of the processes, differences and ratios within a round."""

from __future__ import annotations

from benchmarks.measure import Sample
from benchmarks.pages import Page
from benchmarks.pairs import pair_lines

PAGE = Page(title="a page", path="/", host="localhost", requests=10)


def test_a_slow_round_changes_no_ratio() -> None:
    """Nor does a slow process of one way, beside one of the other; 80 columns."""
    costs = {"none 0": 1.0, "none 1": 3.0, "all 0": 1.2, "all 1": 3.2}
    samples = {
        (PAGE.title, process): [Sample(10, 0.01 * cost * slow, 0) for slow in (1.0, 2.0, 1.0)]
        for process, cost in costs.items()
    }
    text = list(pair_lines([PAGE], samples, ("none", "all"), 3))
    assert text[2].split() == ["a", "page", "2.000", "2.200", "200", "1.10", "1.10-1.10"]
    assert max(map(len, text)) <= 80
