"""Datasette's own pages: an account that is true, and nothing lost that matters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.telemetry.datasette.aggregated_pages import aggregated_pages
from tests.telemetry.datasette.pages import ENDLESS, PAGES, PLANTED

if TYPE_CHECKING:
    from pathlib import Path

FOLD_BELOW = 25_000_000
Spans = list[dict[str, Any]]


@pytest.fixture(scope="module")
def pages(_host_template: Path) -> dict[str, Any]:
    """What each page's spans were, as they are and folded."""
    return aggregated_pages(_host_template)


@pytest.fixture(scope="module")
def all_folded(_host_template: Path) -> dict[str, Any]:
    """The same, however slow a query is: on a busy machine one takes longer than the default."""
    return aggregated_pages(_host_template, fold_below=60)


def queries_of(spans: Spans) -> Spans:
    return [span for span in spans if span["name"] == "db.query"]


def execution_of(query: dict[str, Any], spans: Spans) -> int:
    phases = ("db.query.execute", "db.write.execute")
    times = [
        span["nanoseconds"]
        for span in spans
        if span["parent"] == query["id"] and span["name"] in phases
    ]
    return sum(times) if times else int(query["nanoseconds"])


def statistics_of(spans: Spans) -> dict[str, Any]:
    """Add up what the roots carry."""
    total: Counter[str] = Counter()
    for span in spans:
        for key, value in span["attributes"].items():
            if key.startswith("corkboard.queries.") and isinstance(value, int | float):
                total[key.removeprefix("corkboard.queries.")] += value  # type: ignore[assignment]
    return dict(total)


@pytest.mark.parametrize("page", PAGES)
def test_the_account_is_the_stream_replayed(pages: dict[str, Any], page: str) -> None:
    """Number, rows and SQL time of exactly the queries that are no spans any more."""
    raw, aggregated = pages[page]["raw"], pages[page]["aggregated"]
    kept = {span["id"] for span in aggregated}
    gone = [query for query in queries_of(raw) if query["id"] not in kept]
    statistics = statistics_of(aggregated)
    assert gone
    assert statistics["count"] == len(gone)
    assert statistics["rows"] == sum(
        query["attributes"].get("datasette.rows_returned", 0) for query in gone
    )
    executed = sum(execution_of(query, raw) for query in gone) / 1e9
    waited = sum(query["nanoseconds"] for query in gone) / 1e9 - executed
    assert statistics["execution_time"] == pytest.approx(executed, rel=0.01, abs=2e-6)
    assert statistics["wait_time"] == pytest.approx(waited, rel=0.01, abs=2e-6)
    suppressed = sum("datasette.sql_error_suppressed" in q["attributes"] for q in gone)
    assert statistics.get("suppressed", 0) == suppressed


@pytest.mark.parametrize("page", PAGES)
def test_what_stays_is_a_whole_tree(pages: dict[str, Any], page: str) -> None:
    """What was slow, failed, cut short or had others in it; and each with its parent."""
    raw, aggregated = pages[page]["raw"], pages[page]["aggregated"]
    kept = {span["id"] for span in aggregated}
    assert {span["parent"] for span in aggregated} <= kept | {None}
    for span in raw:
        remarkable = span["status"] == "ERROR" or span["attributes"].get("datasette.truncated")
        slow = span["name"] == "db.query" and execution_of(span, raw) >= FOLD_BELOW
        if remarkable or slow or not span["name"].startswith("db."):
            assert span["id"] in kept, span


def test_a_planted_slow_query_is_seen(pages: dict[str, Any]) -> None:
    """At the defaults, on a table page."""
    [query] = [
        query
        for query in queries_of(pages["planted"]["aggregated"])
        if query["attributes"]["db.query.text"] == "select planted_slow()"
    ]
    assert query["nanoseconds"] >= PLANTED * 1e9


def test_a_failed_query_is_seen_and_a_suppressed_one_is_counted(pages: dict[str, Any]) -> None:
    """One that its caller handled, one of a visitor's; the probes of each table page."""
    for page, text in (("failing", "select planted_failing()"), ("wrong", "select nope")):
        queries = queries_of(pages[page]["aggregated"])
        failed = [q for q in queries if q["status"] == "ERROR"]
        assert [q["attributes"]["db.query.text"] for q in failed] == [text]
    assert statistics_of(pages["table"]["aggregated"])["suppressed"] > 0


def test_an_expected_timeout_is_counted(pages: dict[str, Any]) -> None:
    """As those are that suggest facets on a large table."""
    raw, aggregated = pages["interrupted"]["raw"], pages["interrupted"]["aggregated"]
    # Unless the machine made more than 25 ms of its five, or cut off others.
    interrupted = [q for q in queries_of(raw) if "datasette.interrupted" in q["attributes"]]
    assert ENDLESS in {query["attributes"]["db.query.text"] for query in interrupted}
    kept = {span["id"] for span in aggregated}
    gone = [query for query in interrupted if query["id"] not in kept]
    assert statistics_of(aggregated).get("interrupted", 0) == len(gone)
    for query in interrupted:
        assert (query["id"] in kept) == (execution_of(query, raw) >= FOLD_BELOW)


def test_a_span_within_a_query_keeps_it(pages: dict[str, Any]) -> None:
    """A plugin's own, inside a function that is run with the connection."""
    spans = {span["id"]: span for span in pages["inside"]["aggregated"]}
    [own] = [span for span in spans.values() if span["name"] == "the plugin's own"]
    execute = spans[own["parent"]]
    query = spans[execute["parent"]]
    assert (execute["name"], query["name"]) == ("db.query.execute", "db.query")
    assert spans[query["parent"]]["kind"] == "SERVER"


def test_the_facets_loop_is_named(all_folded: dict[str, Any]) -> None:
    """One query for each column, alike but for the column's name."""
    [server] = [s for s in all_folded["table"]["aggregated"] if s["kind"] == "SERVER"]
    known = server["attributes"]
    repeated = dict(
        zip(
            known["corkboard.queries.repeated"],
            known["corkboard.queries.repeated.count"],
            strict=True,
        )
    )
    assert any("as value, count(*) as n from limited" in text for text in repeated)
    assert min(repeated.values()) >= 5


def test_a_page_is_a_handful_of_spans(pages: dict[str, Any]) -> None:
    """Where it was a hundred, unless the machine made a query slow."""
    raw = pages["table"]["raw"]
    slow = sum(execution_of(query, raw) >= FOLD_BELOW for query in queries_of(raw))
    assert len(raw) > 90
    assert len(pages["table"]["aggregated"]) <= 1 + 2 * slow
