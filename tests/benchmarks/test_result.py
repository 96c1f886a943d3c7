"""Figures from samples: ratios within a round, and no result for who sends nothing."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.latency import COMPARED, VISITORS, Latency
from benchmarks.measure import Sample, Samples
from benchmarks.pages import Page
from benchmarks.picture import draw
from benchmarks.report import Report
from benchmarks.result import Row, rows
from benchmarks.variants import VARIANTS

PAGE = Page(title="a page", path="/", host="localhost", requests=10)


def _samples(*, silent: str = "") -> Samples:
    """Three rounds, the second on a machine half as fast; all others cost 1.5 of bare.

    Contrib costs 2, and a quarter of what is added is not on the event loop.
    """
    costs = {"bare": 1.0, "contrib": 2.0}
    return {
        (PAGE.title, variant.name): [
            Sample(
                requests=10,
                cpu_seconds=slow * costs.get(variant.name, 1.5),
                loop_seconds=slow * (1.0 if variant.name == "bare" else 1.375),
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
    assert ours.added_microseconds == pytest.approx(50_000)
    assert ours.loop_microseconds == pytest.approx(37_500)
    assert ours.of_contrib == pytest.approx(0.5)


def test_who_sent_nothing_has_no_result() -> None:
    """One silent round voids the row and the run, and the table says so."""
    found = rows(PAGE, _samples(silent="contrib"))
    assert [row.variant for row in found if row.void] == ["contrib"]
    report = Report(rounds=3, results=[(PAGE, found)], envelopes=0)
    assert report.void
    assert "VOID" in report.text()
    assert not Report(3, [(PAGE, rows(PAGE, _samples()))], 0).void


def test_a_sampled_variant_may_have_a_silent_round() -> None:
    """With a ratio of 5 %, thirty requests may keep none. Three hundred may not."""
    assert not any(row.void for row in rows(PAGE, _samples(silent="tail")))
    samples = _samples()
    samples[PAGE.title, "tail"] = [Sample(10, 1.5, 0)] * 3
    assert not any(row.void for row in rows(PAGE, samples))
    samples[PAGE.title, "tail"] = [Sample(100, 15.0, 0)] * 3
    assert [row.variant for row in rows(PAGE, samples) if row.void] == ["tail"]


def test_variants_that_send_nothing_are_not_void() -> None:
    """Those without a destination."""
    assert {v.name for v in VARIANTS if not v.sends} == {
        *("bare", "uvicorn", "least", "lines", "nothing"),
    }
    assert not any(row.void for row in rows(PAGE, _samples(silent="lines")))


def test_the_table_fits_a_terminal() -> None:
    """80 columns, with the times of 32 visitors."""
    latencies = [
        Latency(PAGE.title, visitors, name, 10_000, 1234.5, 12345.6)
        for visitors in VISITORS
        for name in COMPARED
    ]
    report = Report(3, [(PAGE, rows(PAGE, _samples()))], 0, latencies)
    lines = report.text().splitlines()
    assert max(map(len, lines)) <= 80
    [line] = [line.split() for line in lines if "32 visitors" in line]
    assert line[2:5] == ["10000", "1234.5", "12345.6"]


def test_the_picture_shows_each_variant_to_scale() -> None:
    """Valid XML, a bar for each row that is not void, and text for each that is."""
    found = rows(PAGE, _samples(silent="seed"))
    root = ElementTree.fromstring(draw([(PAGE, found)], 3))
    bars = root.findall("{*}rect")
    assert len(bars) == len(VARIANTS) - 1
    bare, ours = (float(bar.attrib["width"]) for bar in bars[:2])
    assert ours / bare == pytest.approx(1.5, rel=0.01)
    texts = [element.text for element in root.findall("{*}text")]
    assert {variant.name for variant in VARIANTS} <= {*texts}
    assert texts.count("void") == 1
    assert texts.count("1.50") == len(VARIANTS) - 3
