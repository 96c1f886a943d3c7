"""Exceptions that can hardly be described, which the host of `test_contract` raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class UnprintableError(Exception):
    """Has neither a text nor a representation."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class UnhashableError(Exception):
    """Is equal to nothing, and can't be a key."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")


def _group() -> Exception:
    return ExceptionGroup("a thousand", [ValueError(str(number)) for number in range(1000)])


def _cycle() -> Exception:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def _cycle_of_groups() -> Exception:
    inner = ValueError("inner")
    group = ExceptionGroup("outer", [inner])
    inner.__cause__ = group
    return group


def _deep() -> Exception:
    found: Exception = ValueError("the first")
    for number in range(300):
        found = ExceptionGroup(str(number), [found])
    return found


def _chain() -> Exception:
    found = ValueError("the first")
    for number in range(2000):
        following = ValueError(str(number))
        following.__cause__ = found
        found = following
    return found


FAILURES: dict[str, Callable[[], Exception]] = {
    "plain": lambda: ValueError("plain"),
    "unprintable": UnprintableError,
    "unhashable": lambda: UnhashableError("unhashable"),
    "group": _group,
    "cycle": _cycle,
    "groups": _cycle_of_groups,
    "deep": _deep,
    "chain": _chain,
    "surrogate": lambda: ValueError("\ud800"),
    "arguments": lambda: ValueError(*range(10_000)),
}
