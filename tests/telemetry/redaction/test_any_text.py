"""Redaction, given texts that nobody thought of."""

from __future__ import annotations

import re
import string
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.redaction.redactor import Redactor
from telemetry.redaction.sql import without_literals
from telemetry.settings.model import RedactionSettings

REDACTOR = Redactor(RedactionSettings(secrets=("planted-by-the-operator",)))
WORD = "zqvortexzq"

# Pieces that the rules look for, so that chance meets them more often than never.
PIECES = st.sampled_from(
    [
        *("'", '"', "\\", "@", "~40", "%40", "%", "?", "&", "=", ":", "://", "\n", " ", "/", "#"),
        *("password", "token", "cookie", "Bearer ", "eyJ", "near ", "unrecognized token: ", "b'"),
        *("[REDACTED]", "REDACTED", "a", ".", "-", "_", "`", "[", "]", "--", "/*", "*/", ", "),
    ]
)
TEXT = st.lists(PIECES | st.text(max_size=12), max_size=20).map("".join)
# What may stand before and after a credential.
EDGE = st.sampled_from(["", " ", "\n", "/", '"', "'", "(", ", ", ": "])
FORMS = ("sk_live_{}Q8w7E6", "{}@mail.example.org", "api_key={}", "https://bob:{}@x.example/")


@given(TEXT)
@example("unrecognized token: ~40unrecognized token: unrecognized token: '")
@example("'@'@'@0.0")
def test_it_never_raises_and_comes_to_an_end(text: str) -> None:
    """What is printed and sent may be redacted twice, and a third time finds nothing."""
    twice = REDACTOR.text(REDACTOR.text(text))
    assert "planted-by-the-operator" not in REDACTOR.text(f"{text}planted-by-the-operator{text}")
    assert REDACTOR.text(twice) == twice
    for name in ("db.query.text", "url.query", "password", "x"):
        REDACTOR.value(name, text)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "encoded"])
def test_a_credential_goes_whatever_is_around_it(form: str, encoded: bool) -> None:
    """As long as it begins where a word does."""

    @given(TEXT, EDGE, EDGE, TEXT)
    @example("[SQL:", "", "", "")
    def check(before: str, begin: str, end: str, after: str) -> None:
        planted = form.format(WORD)
        shown = quote(planted, safe="") if encoded else planted
        # A letter or a digit would be a part of it.
        before = before.rstrip(string.ascii_letters + string.digits + "._+-'%@")
        assert WORD not in REDACTOR.text(f"{before} {begin}{shown}{end}{after}")

    check()


@given(TEXT, st.sampled_from(["'{}'", '"{}"', "-- {}\n", "/* {} */", "x'{}'"]), TEXT)
@example("", '"{}"', ".A")
def test_a_literal_goes_wherever_it_is_one(before: str, form: str, after: str) -> None:
    """Behind a statement that is one: what opens a string before it makes it another."""
    before = "select a, " + before.translate(str.maketrans("", "", "'\"`[]/*-."))
    before = before.replace("from", "").replace("as", "")
    # In front of a point, it is the name of a table.
    after = re.sub(r"^[\s.]+", "", after) if form == '"{}"' else after
    assert WORD not in without_literals(f"{before} = {form.format(WORD)} {after}")
