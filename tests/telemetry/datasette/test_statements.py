"""Alike statements have one shape; others don't share it."""

from __future__ import annotations

import pytest

from telemetry.datasette.query_statistics import MAX_TEXT, shape_of

FACET = "with limited as (select * from t) select {} as value, count(*) as n from limited limit 11"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (FACET.format("meeting"), FACET.format("[page image]")),
        (FACET.format('"from"'), FACET.format("`a``b`")),
        ("select 1 from t where a = 'it''s'", "select 2.5e3 from u where b = ?"),
        ("select a\n   from t", "SELECT a FROM t"),
        ("select :name", "select @p1"),
    ],
)
def test_names_and_values_make_no_difference(one: str, other: str) -> None:
    """Whatever they are quoted by."""
    assert shape_of(one) == shape_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select a from t", "select distinct a from t"),
        ("select a from t", "select a, b from t"),
        ("select a from t", "delete from t"),
        ("select date(a) from t", "select a from t"),
    ],
)
def test_what_is_done_does(one: str, other: str) -> None:
    """Keywords, and how many there are of what."""
    assert shape_of(one) != shape_of(other)


def test_it_holds_no_name_and_no_value() -> None:
    """It is a key, and may be kept long after."""
    shape = shape_of("select secret_column from [secret table] where x = 'secret' and y = 42")
    assert "secret" not in shape.lower()
    assert "42" not in shape


def test_a_long_statement_is_cut() -> None:
    """It costs no more than one that is just long enough."""
    assert shape_of("select " + "a, " * 10 * MAX_TEXT) == shape_of("select " + "b, " * MAX_TEXT)
