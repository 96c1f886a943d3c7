"""The table of errors: ratios within a round, events a request."""

from __future__ import annotations

from benchmarks.errors import WAYS, lines
from benchmarks.measure import Sample
from benchmarks.pages import Page

PAGE = Page(title="a page", path="/", host="localhost", requests=10, status=500)


def test_ratios_and_events_are_told() -> None:
    """A slow round changes no ratio; whoever lost half of the events shows it; 80 columns."""
    costs = {"bare": 1.0, "tracked": 1.5, "traced": 2.0, "both": 3.0, "usual": 4.0}
    samples = {
        (PAGE.title, way.name): [
            Sample(10, costs[way.name] * slow, {"usual": 5, "both": 10}.get(way.name, 0))
            for slow in (1.0, 2.0, 1.0)
        ]
        for way in WAYS
    }
    text = list(lines([PAGE], samples))
    found = {line.split()[0]: line.split()[2:] for line in text[3:]}
    assert found["both"] == ["3.00", "3.00-3.00", "1.50", "1.00"]
    assert found["usual"] == ["4.00", "4.00-4.00", "2.00", "0.50"]
    assert found["bare"] == ["1.00", "1.00-1.00", "0.50", "0.00"]
    assert max(map(len, text)) <= 80
