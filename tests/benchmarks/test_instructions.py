"""The guard's judgement: above the reach, grown, or within the tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.instructions.figures import (
    Added,
    Details,
    Figures,
    problems,
    read,
    where,
    within_reach,
)
from tests.overhead.reach import EDGE, RATIOS, TOLERANCES, reach

if TYPE_CHECKING:
    from pathlib import Path

BARE = 1_000_000_000.0
# By case, half of what may be added.
RECORDED = {name: Added(BARE, reach(name, BARE) / 2) for name in TOLERANCES}


def test_the_reach_is_what_was_promised() -> None:
    """Literals: changing one is a decision and not an update of figures."""
    assert RATIOS == {"view": 0.08, "row": 0.12, "table": 0.03}
    assert EDGE == 350_000
    assert reach("table", 1000) == 30


@pytest.mark.parametrize("name", TOLERANCES)
def test_a_growth_by_more_than_a_tenth_fails(name: str) -> None:
    """And less does not, nor a shrinkage; what repeated runs differ by is added to the tenth."""
    before = RECORDED[name]
    bare = before.added if name == "edge" else BARE
    recorded = {name: Added(bare, before.added)}
    for factor, fails in ((0.5, False), (1.0, False), (1.1, False), (2.2, True)):
        measured = {name: Added(bare, before.added * factor)}
        assert bool(problems(recorded, measured, ())) is fails, factor
    within = before.added * 1.1 + TOLERANCES[name] * (bare + before.added)
    assert problems(recorded, {name: Added(bare, within)}, ()) == {}
    [problem] = problems(recorded, {name: Added(bare, within * 1.02)}, ()).values()
    assert problem.startswith(f"{name}: telemetry adds ")


def test_what_is_above_the_reach_fails_whatever_is_recorded() -> None:
    """A figure in the file does not raise the ceiling."""
    high = Added(BARE, reach("row", BARE) * 1.2)
    [problem] = problems({"row": high}, {"row": high}, ()).values()
    assert "wanted at most 120,000,000" in problem


def test_a_case_that_has_not_been_reached_may_not_grow_and_has_to_be_taken_out() -> None:
    """Its figure is recorded as it is; the list of such cases can only become shorter."""
    high = Added(BARE, reach("row", BARE) * 1.5)
    measured = Figures({"row": high}, {"row": Details()}, "now")
    kept, above = within_reach(measured, Figures({}, {}, ""), {"row"})
    assert (kept.cases, above) == ({"row": high}, [])
    assert problems(kept.cases, {"row": high}, {"row"}) == {}
    grown = Added(BARE, high.added * 1.2)
    assert "are recorded" in problems(kept.cases, {"row": grown}, {"row"})["row"]
    reached = Added(BARE, reach("row", BARE) / 2)
    assert "NOT_REACHED" in problems(kept.cases, {"row": reached}, {"row"})["row"]


def test_a_case_without_a_figure_fails() -> None:
    """A lost file is not a passed test."""
    [problem] = problems({}, {"row": RECORDED["row"]}).values()
    assert "no figure is recorded" in problem


def test_what_is_above_the_reach_is_not_written() -> None:
    """The other cases are; it keeps its old figure."""
    high = Added(BARE, reach("row", BARE) * 1.01)
    low = Added(BARE, 1.0)
    details = {"row": Details(), "table": Details(functions={"new": 1})}
    old = Figures({"row": RECORDED["row"]}, {"row": Details(functions={"old": 1})}, "before")
    kept, above = within_reach(Figures({"row": high, "table": low}, details, "now"), old, ())
    assert above == ["row"]
    assert kept.cases == {"row": RECORDED["row"], "table": low}
    assert kept.details["row"].functions == {"old": 1}


def test_the_report_names_parts_and_functions() -> None:
    """The largest change first, whichever way; what did not change is not named."""
    before = Details({"metrics": 100.0}, {"a.py:same": 5, "a.py:less": 50})
    now = Details({"metrics": 130.0}, {"a.py:same": 5, "a.py:less": 20, "a.py:new": 70})
    lines = list(where("edge", before, now))
    assert [line.split()[-1] for line in lines[3:]] == ["a.py:new", "a.py:less"]
    assert "+30" in lines[1]
    assert "metrics" in lines[1]


def test_figures_are_read_as_written(tmp_path: Path) -> None:
    """Instructions as integers."""
    figures = Figures(RECORDED, {"edge": Details({"metrics": 2.0}, {"a.py:f": 3})}, "software")
    path = tmp_path / "figures.json"
    path.write_text(figures.text())
    assert read(path) == figures
    assert read(tmp_path / "none.json").cases == {}
