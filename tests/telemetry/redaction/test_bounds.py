"""What a rule does at its bounds: what is not searched is not sent."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.redaction.bounds import CUT
from telemetry.redaction.redactor import MAX_DEPTH, Redactor
from telemetry.registry.redaction import MAX_TEXT
from telemetry.settings.model import RedactionSettings

REDACTOR = Redactor(RedactionSettings(secrets=("one-of-the-operators-secrets",)))
KEY = "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("repeated", "number", "last"),
    [
        # Statements, with and without a name, and their parameters.
        ("SELECT a FROM b WHERE c = 'x'\n", 30, "SELECT a FROM b WHERE c = 'planted'"),
        ('sql="select a"\n', 40, """sql="select 'planted'\""""),
        ("SELECT 1 FROM a\nparams=[1]\n", 25, "params=['planted']"),
        # Private keys, addresses with users, and values with brackets that do not end.
        ("-----BEGIN PRIVATE KEY-----a-----END X-----\n", 70, KEY),
        ("x://a:b@c ", 100, "x://bob:planted@c"),
        ("token=(\n", 40, "token=planted"),
        # Brackets and quotes in values.
        ('token={"a": [1, (2)], "b": {"c": []}}\n', 90, "token=planted"),
    ],
)
def test_behind_the_last_match_nothing_is_sent(repeated: str, number: int, last: str) -> None:
    """With fewer matches, the last one is redacted; with more, it is left out with the rest."""
    text = repeated * number + last
    assert len(text) < 4096
    assert "planted" not in REDACTOR.text(text)
    assert REDACTOR.text(text).endswith(CUT)
    shown = REDACTOR.text(repeated * 2 + last)
    assert "planted" not in shown
    assert CUT not in shown


def test_behind_the_last_parameters_of_a_statement_nothing_is_sent() -> None:
    """Of one statement: the case above has too many of these, which are counted first."""
    text = "SELECT 1 FROM a\n" + "params=[1]\n" * 25 + "params=['planted']"
    shown = REDACTOR.text(text)
    assert "planted" not in shown
    assert shown.endswith(f"params=?{CUT}")


def test_of_a_key_without_an_end_nothing_is_left() -> None:
    """It was cut, perhaps."""
    shown = REDACTOR.text(f"got {KEY.partition('-----END')[0]} and more")
    assert shown == "got [REDACTED]"


def test_each_address_of_a_list_is_redacted() -> None:
    """A password may have an ``@`` or a comma in it."""
    given = "nodes redis://a:planted@b:1,redis://c:planted@d:2|http://e:planted@f/ up"
    assert REDACTOR.text(given) == (
        "nodes redis://REDACTED@b:1,redis://REDACTED@d:2|http://REDACTED@f/ up"
    )


@pytest.mark.parametrize(
    "given",
    [
        "token=<Secret value='planted' (1)> and more",
        "token=<Secret ['planted', <Inner: 'planted'>]> and more",
        "token=<Secret: planted",
    ],
)
def test_an_object_is_a_value(given: str) -> None:
    """As Python shows most of them."""
    assert "planted" not in REDACTOR.text(given)


def test_a_letter_that_becomes_two_moves_no_value() -> None:
    """Turkish has one, and names are searched in small letters."""
    assert REDACTOR.text("İİİ password=planted İ") == "İİİ password=[REDACTED] İ"


def test_a_string_of_many_parts_is_one_value() -> None:
    """One below the other, as Python writes a long one."""
    parts = "\n    ".join(["'planted'"] * 50)
    assert REDACTOR.text(f"token=({parts})") == "token=[REDACTED]"
    assert "planted" not in REDACTOR.text("token='planted'" + " + 'planted'" * 200)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"bob@example.org": 1}, {"[REDACTED]": 1}),
        ({"token bob@example.org": "planted"}, {"token [REDACTED]": "[REDACTED]"}),
        ({"n": 1, "bob@example.org": "x", "text": "password=planted"}, None),
        ({"text": "password=planted", "bob@example.org": "x", "n": 1}, None),
    ],
)
def test_names_of_attributes_are_redacted(given: Any, shown: Any) -> None:
    """And with them the value, if the name is that of a credential."""
    found = dict(REDACTOR.attributes(given))
    assert found == (shown or {"n": 1, "[REDACTED]": "x", "text": "password=[REDACTED]"})


def test_attributes_of_a_measurement_may_be_lists() -> None:
    """Which can't be remembered."""
    assert REDACTOR.measured({"a": ["password=planted"]}) == {"a": ["password=[REDACTED]"]}


@pytest.mark.parametrize("kind", [dict, list])
def test_what_is_nested_too_deep_is_replaced(kind: type[Any]) -> None:
    """Mappings and lists."""
    value: Any = "planted"
    for _ in range(MAX_DEPTH + 1):
        value = {"a": value} if kind is dict else [value]
    assert "planted" not in str(REDACTOR.anything(value))
    assert "[REDACTED]" in str(REDACTOR.anything(value))


def test_a_file_with_a_long_line_is_searched_in_pieces() -> None:
    """What is around each end of a piece is replaced, since it may be half a credential."""
    line = "word " * 20_000
    shown = REDACTOR.whole(f"first line\n{line}password=planted\nlast bob@example.org line\n")
    assert shown.startswith("first line\nword ")
    assert shown.endswith("password=[REDACTED]\nlast [REDACTED] line\n")
    assert shown.count(CUT) == len(line) // MAX_TEXT
    assert len(shown) > 0.9 * len(line)


def test_a_parameter_of_many_digits_is_a_value() -> None:
    """SQLite's own have five at most."""
    assert REDACTOR.value("db.query.text", "select :1234567 + ?12") == "select ? + ?12"
