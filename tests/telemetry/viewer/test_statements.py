"""SQL statements as the page groups them."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.redaction.redactor import Redactor
from telemetry.redaction.sql import MAX_STATEMENT, cut_statement
from telemetry.settings.model import RedactionSettings
from telemetry.viewer.server.statements import grouped, of_span, readable


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("select 1", "select 1"),
        ("\n    select *\n      from t\n    where x\n\n", "select *\n  from t\nwhere x"),
        ("select *\n          from t\n         where x", "select *\n from t\nwhere x"),
        ("\tselect 1\n\t\tunion\n", "select 1\nunion"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_a_statement_without_its_source_s_indentation(given: str, shown: str) -> None:
    """Relative indentation stays."""
    assert readable(given) == shown


def _rows(*keys: str) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "count": 1,
            "failed": 0,
            "total_ms": float(n),
            "longest_ms": float(n),
            "trace_id": f"t{n}",
        }
        for n, key in enumerate(keys, 1)
    ]


def _shapes(*keys: str) -> list[list[str]]:
    return [[row["key"] for row in group["statements"]] for group in grouped(_rows(*keys))]


def test_alike_statements_are_one_group() -> None:
    """As for N+1: what differs is names and values, and not keywords."""
    assert _shapes("select a from t", "select b from t", "select a from t where x") == [
        ["select b from t", "select a from t"],
        ["select a from t where x"],
    ]
    [group] = grouped(_rows("select * from t where id = 1", "select * from t where id = 2"))
    assert (group["count"], group["total_ms"], group["longest_ms"]) == (2, 3.0, 2.0)
    assert group["trace_id"] == "t2"


def test_functions_are_alike_only_if_they_are_the_same() -> None:
    """Their names have no spaces."""
    assert len(_shapes("get_tables", "get_columns")) == 2


LONG = "select " + ", ".join(f"column_{n}" for n in range(60)) + " from t where name = "


def test_statements_that_are_cut_are_alike_by_what_is_left() -> None:
    """Wherever the cut is: within a value, a name or between."""
    cut = [cut_statement(LONG.replace("column_", name)) for name in ("c", "cc", "columns_")]
    assert all(len(key) == MAX_STATEMENT for key in cut)
    assert len(_shapes(*cut)) == 1
    quoted = [
        cut_statement(f"select * from t where a = '{'x' * n} {'y' * 300}'") for n in (10, 20, 200)
    ]
    assert len(_shapes(*quoted)) == 1
    assert len(_shapes(cut[0], quoted[0])) == 2


def test_statements_with_the_same_beginning_are_two_rows() -> None:
    """Each has one key, whether a span has all of it or statistics its beginning and its hash."""
    lines = LONG.replace(", ", ",\n  ")
    whole = [f"{lines}'{end}'" for end in ("a", "b")]
    rows = [row for text in whole for row in of_span(SPAN | {"db_query_text": text}, {})]
    redactor = Redactor(RedactionSettings(kinds=frozenset()))
    cut = redactor.value("corkboard.queries.statements", whole)
    assert len({row["key"] for row in rows}) == 2
    assert [row["key"] for row in rows] == cut
    assert all(key.startswith("select column_0, column_1") for key in cut)


SPAN: dict[str, Any] = {
    "trace_id": "t",
    "span_id": "s",
    "parent_span_id": None,
    "start_ns": 1,
    "status": "ERROR",
    "duration_ms": 5.0,
    "db_query_text": "select *\n    from t",
}


def test_a_statement_of_a_span_has_the_key_of_one_in_statistics() -> None:
    """The one has its source's lines, the other is one line."""
    [of_its_own] = of_span(SPAN, {})
    statistics = {
        "corkboard.queries.count": 7,
        "corkboard.queries.execution_time": 0.010,
        "corkboard.queries.statements": ["select * from t"],
        "corkboard.queries.statements.count": [3],
        "corkboard.queries.statements.execution_time": [0.006],
        "corkboard.queries.statements.max_execution_time": [0.004],
    }
    listed, others = of_span(SPAN | {"db_query_text": None}, statistics)
    assert of_its_own["key"] == listed["key"] == "select * from t"
    assert (of_its_own["count"], of_its_own["failed"], of_its_own["total_ms"]) == (1, 1, 5.0)
    assert (listed["count"], listed["total_ms"], listed["longest_ms"]) == (3, 6.0, 4.0)
    assert (others["key"], others["count"]) == (None, 4)
    assert others["total_ms"] == pytest.approx(4.0)


def test_a_function_is_a_statement() -> None:
    """Datasette names what it calls with the connection."""
    [row] = of_span(SPAN | {"db_query_text": None}, {"datasette.callback": "get_tables"})
    assert row["key"] == "get_tables"


@pytest.mark.parametrize("odd", ["many", -5, 2**63, float("nan"), None, [1], {"a": 1}, b"x", True])
def test_statistics_of_other_types_cost_nothing(odd: Any) -> None:
    """Counts fit into a column, and none is negative."""
    names = (
        *("corkboard.queries.count", "corkboard.queries.execution_time"),
        *("corkboard.queries.statements", "corkboard.queries.statements.count"),
    )
    attributes = dict.fromkeys(names, odd)
    lists = {
        "corkboard.queries.statements": ["a", odd],
        "corkboard.queries.statements.count": [odd, odd],
        "corkboard.queries.statements.execution_time": [odd, 1],
        "corkboard.queries.statements.max_execution_time": [odd, odd],
    }
    for given in (attributes, attributes | lists):
        for row in of_span(SPAN, given):
            assert 0 <= row["count"] < 2**63
            assert 0 <= row["total_ms"] < 1e30
