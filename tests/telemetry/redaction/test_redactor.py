"""The rules together: what is taken out, of what, and what is left as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from telemetry import TelemetryError, failsafe
from telemetry.export.encoding.values import ValueEncoder
from telemetry.redaction.additions import redact
from telemetry.redaction.bounds import CUT
from telemetry.redaction.redactor import Redactor
from telemetry.registry.redaction import KINDS, MAX_TEXT
from telemetry.settings.model import RedactionSettings
from telemetry.settings.variables import TEXT_LENGTH_LIMIT
from telemetry.state import state

LIMIT = TEXT_LENGTH_LIMIT.default
R = "[REDACTED]"
SECRET = "correct horse battery staple"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(RedactionSettings(secrets=(SECRET,)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("from bob@example.org, so", "from [REDACTED], so"),
        ("/users/bob%40example.org/", "/users/[REDACTED]/"),
        ("/users/bob%2540example.org/", "/users/[REDACTED]/"),
        ("/users/bøb@exämple.org/", "/users/[REDACTED]/"),
        ("<bob@[127.0.0.1]>", "<[REDACTED]>"),
        ("api_key%3Dplanted", "api_key=[REDACTED]"),
        ("/meetings/bob~40example~2Eorg", "/meetings/[REDACTED]"),
        ("/a%20b%2Fc~2Ed", "/a%20b%2Fc~2Ed"),
        ("@decorated", "@decorated"),
        ("5 @ 3.50", "5 @ 3.50"),
        (f"it is {SECRET}", "it is [REDACTED]"),
        ('near "planted": syntax error', 'near "?": syntax error'),
        ("/?a=bob@example.org", "/?a=REDACTED"),
        ("", ""),
    ],
)
def test_a_text_loses_what_is_private(redactor: Redactor, text: str, shown: str) -> None:
    """And what is read through an encoding is found, too."""
    assert redactor.text(text) == shown
    # Twice is as good as once: a log line is redacted, and so is its record.
    assert redactor.text(shown) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("password", "planted", "[REDACTED]"),
        ("password", 1234, "[REDACTED]"),
        ("password", None, None),
        ("has_session", True, True),
        ("http.request.header.cookie", ("a=planted", "b"), ["[REDACTED]"]),
        ("session", {"user": "planted"}, "[REDACTED]"),
        ("db.query.text", "select 'planted'", "select ?"),
        ("corkboard.queries.statements", ("select 'planted'", "f"), ("select ?", "f")),
        ("url.query", "_size=5&q=planted", "_size=5&q=REDACTED"),
        ("url.query", "bob@example.org=1", "[REDACTED]=REDACTED"),
        ("corkboard.error.url", "https://b.example/?q=trace:1", "https://b.example/?q=trace:1"),
        ("query_string", b"_size=5&q=planted", b"_size=5&q=REDACTED"),
        ("QUERY_STRING", "q=planted", "q=REDACTED"),
        ("db.query.text", b"select 'planted'", b"select ?"),
        ("corkboard.queries.databases", ("sessions", "m"), ("sessions", "m")),
        ("corkboard.queries.databases", ["a", "x@example.org"], ["a", "[REDACTED]"]),
        ("n", 5, 5),
        ("body", b"password=planted", b"password=[REDACTED]"),
        ("body", b"x" * 40_000 + b"password=planted", b"x" * LIMIT + b"[...]"),
        ("extra", {"planted@example.org": 1, 2: 3}, {"[REDACTED]": 1, 2: 3}),
        (
            "extra",
            {"a": {"token": "planted", "n": [1, "x@example.org"]}},
            {"a": {"token": "[REDACTED]", "n": [1, "[REDACTED]"]}},
        ),
    ],
)
def test_a_value_is_what_its_name_says(
    redactor: Redactor, name: str, value: Any, shown: Any
) -> None:
    """However deep."""
    assert redactor.value(name, value) == shown
    assert dict(redactor.attributes({name: value, "m": 1})) == {name: shown, "m": 1}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (["x-api-key", "planted"], ["x-api-key", "[REDACTED]"]),
        (("password:", 1234), ("password:", "[REDACTED]")),
        ([(b"cookie", b"planted"), (b"accept", b"*/*")], [(b"cookie", R), (b"accept", b"*/*")]),
        ({"headers": [["X-Api-Key", ["planted"]]]}, {"headers": [["X-Api-Key", [R]]]}),
        (["serve", "--password", "planted", "-v"], ["serve", "--password", R, "-v"]),
        (("x", "--api-key", b"planted"), ("x", "--api-key", R)),
        (["curl", "-u", "bob:planted"], ["curl", "-u", f"bob:{R}"]),
        (["curl", "--user", "bob:planted", "/"], ["curl", "--user", f"bob:{R}", "/"]),
        ({"name": "password", "value": "planted"}, {"name": "password", "value": R}),
        ({"Name": "DB_PASSWORD", "Value": "planted"}, {"Name": "DB_PASSWORD", "Value": R}),
        ([{"key": "token", "content": ["planted"]}], [{"key": R, "content": [R]}]),
        (
            {"loc": ("body", "password"), "input": "planted", "msg": "too short"},
            {"loc": ("body", "password"), "input": R, "msg": "too short"},
        ),
    ],
)
def test_a_credential_is_named_by_what_stands_beside_it(
    redactor: Redactor, value: Any, shown: Any
) -> None:
    """In lists and in mappings as in texts; and in an attribute's encoded bytes."""
    assert redactor.anything(value) == shown
    assert redactor.value("body", {"a": value}) == {"a": shown}
    assert dict(redactor.attributes({"body": value, "m": 1})) == {"body": shown, "m": 1}
    encoded = ValueEncoder(redactor).attributes(b"\x0a", {"body": value})
    assert encoded == ValueEncoder(None).attributes(b"\x0a", {"body": shown})
    assert b"planted" not in encoded
    without = Redactor(RedactionSettings(frozenset(KINDS) - {"credentials"}))
    assert without.anything(value) is value


@pytest.mark.parametrize(
    "value",
    [
        ["the password is wrong", "try again"],
        ["token", "is", "expired"],
        ["password", None],
        ["sort", "key=lambda"],
        ["chown", "-u", "1000:1000"],
        ["--password", "--verbose"],
        ["--user", "www-data"],
        {"name": "title", "value": "a page"},
        {"name": "the password is wrong", "value": 5},
        {"loc": [], "input": "a"},
    ],
)
def test_what_only_looks_like_a_name_is_none(redactor: Redactor, value: Any) -> None:
    """Sentences, what has no value, and numbers of users."""
    assert redactor.anything(value) is value


def test_a_query_whose_values_are_kept_loses_what_is_private_in_them() -> None:
    """Without the rule for query strings, those for addresses and names go on."""
    redactor = Redactor(RedactionSettings(frozenset(KINDS) - {"query_strings"}))
    query = "q=planted@example.org&a=1&token=planted"
    assert redactor.value("url.query", query) == "q=[REDACTED]&a=1&token=[REDACTED]"


def test_a_value_of_another_type_is_returned_as_it_is(redactor: Redactor) -> None:
    """In attributes and within mappings; what becomes of it is the encoder's to decide."""
    amount = Decimal(5)
    given = {"amount": amount, "extra": {"amount": [amount]}}
    assert redactor.attributes(given) is given
    assert redactor.value("amount", amount) is amount


def test_what_has_nothing_private_is_not_copied(redactor: Redactor) -> None:
    """Most spans: nothing is made anew."""
    attributes = {"http.route": "/{database}", "n": [1, "two", {"three": 3.0}], "ok": True}
    assert redactor.attributes(attributes) is attributes
    assert redactor.anything(attributes) is attributes


def test_the_redactor_survives_what_is_deep_wide_or_long(redactor: Redactor) -> None:
    """A list in itself has no bottom, and a megabyte is cut before it is read.

    The mark says that there was more, and no text is longer than what is searched: a statement that
    is replaced becomes shorter.
    """
    endless: list[Any] = ["planted"]
    endless.append(endless)
    assert str(redactor.anything(endless)).count("planted") < 10
    assert redactor.text("x" * 1_000_000) == "x" * LIMIT + CUT
    statement = redactor.value("db.query.text", "select 1;" * 100_000)
    assert len(statement) <= LIMIT + len(CUT)
    assert statement.endswith(CUT)
    # Where nothing is searched, nothing bounds a text but its length.
    assert Redactor(RedactionSettings(frozenset())).text("x" * 1_000_000) == "x" * MAX_TEXT
    assert redactor.text("\ud800@\udfff.org \x00") is not None


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_turned_off_by_itself(kind: str) -> None:
    """And the rest goes on."""
    given = {
        "credentials": ("x", "password=planted"),
        "emails": ("x", "planted@example.org"),
        "query_strings": ("x", "/a?q=planted"),
        "sql": ("db.query.text", "select 'planted'"),
    }
    redactor = Redactor(RedactionSettings(frozenset(KINDS) - {kind}, (SECRET,)))
    for each, (name, value) in given.items():
        assert ("planted" in redactor.value(name, value)) is (each == kind)
    assert redactor.text(SECRET) == "[REDACTED]"


def test_what_is_short_within_a_secret_is_no_secret() -> None:
    """Without its spaces, or decoded."""
    for secret in ("       e", "%20%20%20e"):
        redactor = Redactor(RedactionSettings(secrets=(secret,)))
        assert redactor.text("a meeting of the council") == "a meeting of the council"
        assert redactor.text(f"the key is {secret!r} here") == "the key is '[REDACTED]' here"


def test_the_operator_s_secrets_go_whatever_is_turned_off() -> None:
    """Also out of SQL, and out of what is a credential's name no more."""
    redactor = Redactor(RedactionSettings(frozenset(), (SECRET,)))
    assert redactor.text(f"bob@example.org {SECRET}") == "bob@example.org [REDACTED]"
    assert redactor.value("db.query.text", f"select '{SECRET}'") == "select '[REDACTED]'"
    assert redactor.value("password", "known") == "known"


@pytest.mark.usefixtures("additions")
def test_a_host_adds_its_own(redactor: Redactor) -> None:
    """Before or after a redactor is made; what was remembered is forgotten."""
    assert redactor.text("parcel 12-345-678") == "parcel 12-345-678"
    assert redactor.value("X-Parcel", "planted") == "planted"
    redact(names=["x_parcel"], patterns=[r"\d\d-\d{3}-\d{3}"])
    redact(patterns=[re.compile("badge \\d+")], keep_parameters=["page"])
    for each in (redactor, Redactor(RedactionSettings(frozenset()))):
        assert each.text("parcel 12-345-678, badge 7") == "parcel [REDACTED], [REDACTED]"
        for name in ("X-Parcel", "http.request.header.x_parcel", "x.parcel"):
            assert each.value(name, "planted") == "[REDACTED]"
    assert redactor.value("url.query", "page=2&q=planted") == "page=2&q=REDACTED"


@pytest.mark.usefixtures("additions")
def test_a_pattern_leaves_our_own_word_alone() -> None:
    """However often it is looked at, it is in brackets once."""
    redact(patterns=["[A-Z]{3,}"])
    redactor = Redactor(RedactionSettings())
    once = redactor.text("parcel XYZZY, RED, and token=abc")
    assert once == "parcel [REDACTED], [REDACTED], and token=[REDACTED]"
    assert redactor.text(once) == once
    assert redactor.text("[REDACTEDXYZ]") == "[[REDACTED]]"


@pytest.mark.usefixtures("additions")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"patterns": ["("]}, "redact(patterns=['(']): wanted regular expressions"),
        ({"patterns": [5]}, "redact(patterns=[5]): wanted regular expressions"),
        ({"patterns": ["a*"]}, "redact(patterns=['a*']): it matches where nothing is"),
        ({"names": "token"}, "redact(names='token'): wanted a list of them"),
        ({"keep_parameters": "q"}, "redact(keep_parameters='q'): wanted a list of them"),
        ({"patterns": "abc"}, "redact(patterns='abc'): wanted a list"),
    ],
)
def test_what_can_t_be_added_is_said(arguments: dict[str, Any], expected: str) -> None:
    """By argument and value; and nothing of it is."""
    before = state.redaction_rules
    with pytest.raises(TelemetryError) as caught:
        redact(**arguments)
    assert str(caught.value).startswith(expected)
    assert state.redaction_rules is before


def test_redaction_needs_no_sdk() -> None:
    """Log lines are redacted where nothing is configured, too."""
    code = (
        "import sys; from telemetry.redaction.redactor import Redactor; import telemetry.logs."
        "formatters; print([m for m in sys.modules if m.startswith('opentelemetry.sdk')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_text_is_not_sent_if_a_rule_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the caller fail: redaction is on the way of each log line."""
    failsafe.raise_failures(False)
    monkeypatch.setattr("telemetry.redaction.redactor.without_emails", lambda text: text[len(text)])
    redactor = Redactor(RedactionSettings())
    before = state.failures["redaction.text"]
    assert redactor.text("mail to planted-1@example.org") == "[…]"
    assert redactor.value("db.query.text", "select a from planted@example.org") == "[…]"
    assert redactor.attributes({"note": "planted-1@example.org", "count": 5}) == {
        "note": "[…]",
        "count": 5,
    }
    assert state.failures["redaction.text"] == before + 3
