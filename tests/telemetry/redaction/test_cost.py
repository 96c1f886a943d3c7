"""The cost of redaction is bounded by a number of matches, and not only by the text's length."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings, target
from hypothesis import strategies as st

from benchmarks.redaction import WORST
from telemetry import redaction
from telemetry.redaction.redactor import Redactor
from telemetry.registry.redaction import MAX_TEXT
from telemetry.settings.model import RedactionSettings
from telemetry.settings.variables import TEXT_LENGTH_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = TEXT_LENGTH_LIMIT.default
SECRETS = ("one-of-the-operators-secrets",)
REDACTOR = Redactor(RedactionSettings(secrets=SECRETS))
# Eight times the text: where a rule's time is not linear, it shows.
LONGEST = Redactor(RedactionSettings(secrets=SECRETS, text_length=MAX_TEXT))
# Seconds of processor time. The worst texts that are known take a third on an idle machine; a rule
# whose time is not linear takes a hundred times as long.
MOST = 0.15
PIECES = st.sampled_from(
    [
        *("'", '"', "\\", "@", "~40", "%40", "?", "&", "=", ":", "://", "\n", " ", "/", "#", "é"),
        *("password", "token", "cookie: ", "Bearer ", "eyJ", 'near "', "[SQL: ", "; args=", "b'"),
        *("<", ">", "(", "[", "{", ")", "]", "}", ",", ";", "--", "/*", "*/", "&quot;", "\\u0041"),
        *("aB3dE5gH7jK9mN1pQ3sT5vW7y", "a.b", "x-key", " value=", "-----BEGIN ", "Key (", ")=("),
        *("select ", "from ", "x'", "1", "a", ".", "-", "_", "|", ">-", "  ", "\r\n\r\n", "`"),
    ]
)


def patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    """The regular expressions of a constant: itself, or those in a table."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from patterns_in(each)


RULES = sorted(
    {
        rule.pattern
        for module in pkgutil.iter_modules(redaction.__path__, f"{redaction.__name__}.")
        for value in vars(importlib.import_module(module.name)).values()
        for rule in patterns_in(value)
    }
)


@st.composite
def parts_of_matches(draw: st.DrawFn) -> str:
    """A text that some rule begins to match, and may not match to its end."""
    text = draw(st.from_regex(draw(st.sampled_from(RULES))))
    return text[: draw(st.integers(1, len(text)))] if text else " "


def seconds(text: str) -> float:
    """Processor time of the text as a message and as SQL, whole and cut.

    The best of ten, if it is too long: a virtual machine that stands still counts that as well.
    """
    took: list[float] = []
    while not took or (len(took) < 10 and min(took) >= MOST):
        began = time.thread_time()
        LONGEST.text(text)
        LONGEST.value("db.query.text", text)
        LONGEST.value("corkboard.queries.statements", [text])
        took.append(time.thread_time() - began)
    return min(took)


@pytest.mark.parametrize("shape", WORST)
def test_the_worst_shapes_that_are_known_take_linear_time(shape: str) -> None:
    repeated = WORST[shape]
    assert seconds((repeated * MAX_TEXT)[:MAX_TEXT]) < MOST


# Each example takes up to 80 ms: a soak has fewer than of others.
@settings(max_examples=min(1000, settings().max_examples))
@given(st.lists(PIECES, min_size=1, max_size=5).map("".join), st.sampled_from(["", " ", "\n"]))
def test_no_repeated_shape_takes_longer(piece: str, between: str) -> None:
    """`make soak` searches for longer, and in the direction of the most expensive ones."""
    text = ((piece + between) * MAX_TEXT)[:MAX_TEXT]
    took = seconds(text)
    target(took * 1000, label="ms")
    assert took < MOST


# Not in the direction of the most expensive ones: a text like these is hundreds of choices, and
# Hypothesis may try each in turn for minutes without running the test. More examples by chance
# find as expensive ones.
@given(
    st.lists(parts_of_matches(), min_size=1, max_size=3).map("".join),
    st.sampled_from(["", " ", "-", "_", "."]),
)
@example("eyJ", "-")
def test_no_repeated_part_of_a_match_takes_longer(piece: str, between: str) -> None:
    """Where a rule looks for its end from each of many beginnings, its time is not linear."""
    assert len(RULES) > 30
    text = ((piece + between) * MAX_TEXT)[:MAX_TEXT]
    assert seconds(text) < MOST


def test_the_rest_of_a_text_with_too_many_matches_is_replaced() -> None:
    """And not left as it is."""
    for shape, secret in (("token=a ", "token=planted"), ("a@b.org ", "planted@example.org")):
        text = (shape * MAX_TEXT)[: MAX_TEXT - 100] + f" {secret}"
        shown = LONGEST.text(text)
        assert "planted" not in shown
        assert shown.endswith("[…]")
    assert "planted" not in LONGEST.value("db.query.text", "select 1," * 3000 + "'planted'")
    for escape in ("%20", "a%20b\n", "&amp;"):
        text = f"{escape * 2100}password%3Dplanted"
        assert "planted" not in LONGEST.text(text)
    assert "planted" not in LONGEST.text("%20a\n" + "a" * 20_000 + "\npassword%3Dplanted")
    # Ordinary long texts have far fewer.
    traceback = '  File "/srv/app/views.py", line 5, in view\n    session = get(token)\n' * 100
    assert "[…]" not in LONGEST.text(traceback)


def test_what_is_behind_the_longest_text_that_is_searched_is_replaced() -> None:
    """In whatever it is hidden."""
    for secret in ("planted@example.org", "password%3Dplanted", "'planted'"):
        for before in ("a ", "%20", "a\n", "select 1, "):
            text = f"{(before * MAX_TEXT)[: LIMIT + 2000]} {secret}"
            for shown in (REDACTOR.text(text), REDACTOR.value("db.query.text", text)):
                assert "planted" not in shown
                assert shown.endswith("[…]")
