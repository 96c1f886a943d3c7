"""Anything at all becomes something that JSON can hold."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from telemetry.logs.plain import MAX_DEPTH, MAX_ITEMS, MAX_TEXT, plain


class Hostile:
    """Raises whatever is asked of it."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __hash__(self) -> int:
        return 1


class HostileDict(dict[str, object]):
    def items(self) -> Any:
        raise RuntimeError("no")


class HostileText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no")

    def encode(self, *_args: object) -> bytes:
        raise RuntimeError("no")


CYCLE: list[object] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (12, 12),
        (1.5, 1.5),
        ("minutes", "minutes"),
        ({"a": [1, (2, {3})]}, {"a": [1, [2, [3]]]}),
        ({1: "one", None: "none"}, {"1": "one", "None": "none"}),
        (b"caf\xc3\xa9 \xff", "café \\xff"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (1 << 60, str(1 << 60)),
        (LookupError("lost"), "lost"),
        (Hostile(), "<Hostile that can't be shown>"),
        ([Hostile()], ["<Hostile that can't be shown>"]),
        (HostileText("fine"), "fine"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_is_plain(value: object, expected: object) -> None:
    """And says what it was."""
    assert plain(value) == expected
    assert json.loads(json.dumps(plain(value), allow_nan=False).encode()) == expected


def test_a_mapping_that_raises_is_text() -> None:
    """Rather than nothing."""
    assert plain(HostileDict(a=1)) == "{'a': 1}"


def test_it_is_bounded() -> None:
    """In depth, so that a cycle ends; in items and in characters."""
    nested = plain(CYCLE)
    for _ in range(MAX_DEPTH):
        [nested] = nested
    assert isinstance(nested, str)
    assert len(plain(list(range(10 * MAX_ITEMS)))) == MAX_ITEMS
    assert len(plain({n: n for n in range(10 * MAX_ITEMS)})) == MAX_ITEMS
    assert len(plain("x" * 10 * MAX_TEXT)) == MAX_TEXT
    assert len(plain(b"x" * 10 * MAX_TEXT)) == MAX_TEXT
