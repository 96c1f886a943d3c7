"""Figures from samples: ratios within a round, and no result for who sends nothing."""

from __future__ import annotations

import pytest

from benchmarks.measure import Sample, Samples
from benchmarks.pages import Page
from benchmarks.report import Report
from benchmarks.result import Row, rows
from benchmarks.variants import VARIANTS

PAGE = Page(title="a page", path="/", host="localhost", requests=10)


def _samples(*, silent: str = "") -> Samples:
    """Three rounds, the second on a machine half as fast; everybody else costs 1.5 of bare."""
    return {
        (PAGE.title, variant.name): [
            Sample(
                requests=10,
                cpu_seconds=slow * (1.0 if variant.name == "bare" else 1.5),
                received=0 if variant.name == silent and slow == 2.0 else 20,
            )
            for slow in (1.0, 2.0, 1.0)
        ]
        for variant in VARIANTS
    }


def _named(found: list[Row]) -> dict[str, Row]:
    return {row.variant: row for row in found}


def test_ratios_are_taken_within_a_round() -> None:
    """A slow round changes no ratio."""
    ours = _named(rows(PAGE, _samples()))["ours"]
    assert (ours.lowest, ours.ratio, ours.highest) == (1.5, 1.5, 1.5)
    assert ours.milliseconds == pytest.approx(150)
    assert ours.spans_a_request == 2


def test_who_sent_nothing_has_no_result() -> None:
    """One silent round voids the row and the run, and the table says so."""
    found = rows(PAGE, _samples(silent="contrib"))
    assert [row.variant for row in found if row.void] == ["contrib"]
    report = Report(rounds=3, results=[(PAGE, found)], envelopes=0)
    assert report.void
    assert "VOID" in report.text()
    assert not Report(3, [(PAGE, rows(PAGE, _samples()))], 0).void


def test_the_table_fits_a_terminal() -> None:
    """80 columns."""
    report = Report(rounds=3, results=[(PAGE, rows(PAGE, _samples()))], envelopes=0)
    assert max(map(len, report.text().splitlines())) <= 80
