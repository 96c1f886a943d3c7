"""The table of parts, and its place in the document."""

from __future__ import annotations

import pytest

from benchmarks.parts import BEGIN, DOCUMENT, END, PARTS, SENDING, lines, with_table

WAYS = {name for _, one, other in PARTS for name in (one, other)}


def test_a_part_is_a_difference_within_a_round() -> None:
    """A slow round changes no figure of another part; a query's are divided by their number."""
    costs = dict.fromkeys(WAYS, 100.0) | {
        "bare": 1.0,
        "full": 201.0,
        "no metrics": 151.0,
        "queries": 701.0,
        "measured": 801.0,
        SENDING: 20.0,
    }
    rounds = [{way: cost + slow for way, cost in costs.items()} for slow in (0.0, 500.0, 0.0)]
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in lines(rounds)}
    assert rows["measurements of the edge"][1:] == ["50.0", "50.0 to 50.0", "25% |"]
    assert rows["a query: two spans, folded"][1] == "10.0"
    assert rows["a query's measurement"][1] == "2.0"
    assert rows[SENDING][1] == "20.0"


def test_the_document_has_a_place_for_the_table() -> None:
    """Written between two comments, and nowhere else."""
    document = DOCUMENT.read_text()
    written = with_table(document, "| new |\n")
    assert f"{BEGIN}| new |\n{END}" in written
    assert with_table(written, "| new |\n") == written
    assert written.count("\n## ") == document.count("\n## ")
    with pytest.raises(ValueError, match="wanted the lines"):
        with_table("no comments", "| new |")
