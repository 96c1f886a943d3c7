"""Callbacks of SQLite's that fail, each in one of the ways that there are."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Setup = Callable[[sqlite3.Connection], None]


class FaultError(Exception):
    pass


def fail(*args: Any) -> Any:
    raise FaultError


class Sum:
    """An aggregate and window function that works."""

    def step(self, value: int) -> None:
        pass

    def inverse(self, value: int) -> None:
        pass

    def value(self) -> int:
        return 1

    def finalize(self) -> int:
        return 1


class NoInit(Sum):
    def __init__(self) -> None:
        fail()


class NoStep(Sum):
    def step(self, value: int) -> None:
        fail()


class NoInverse(Sum):
    def inverse(self, value: int) -> None:
        fail()


class NoValue(Sum):
    def value(self) -> int:
        return int(fail())


class NoFinalize(Sum):
    def finalize(self) -> int:
        return int(fail())


class WithoutStep:
    def finalize(self) -> int:
        return 1


SUM = "select f(a) from t"
WINDOW = "select f(a) over (order by a rows between 1 preceding and current row) from t"


def aggregate(kind: type) -> Setup:
    return lambda connection: connection.create_aggregate("f", 1, kind)


def window(kind: type) -> Setup:
    return lambda connection: connection.create_window_function("f", 1, kind)


def function(call: Callable[..., Any]) -> Setup:
    return lambda connection: connection.create_function("f", 1, call)


# What SQLite only echoes.
ECHOED: dict[str, tuple[Setup, str]] = {
    "function": (function(fail), SUM),
    "function of an odd type": (function(lambda _: object()), SUM),
    "aggregate's init": (aggregate(NoInit), SUM),
    "aggregate's step": (aggregate(NoStep), SUM),
    "aggregate's finalize": (aggregate(NoFinalize), SUM),
    "aggregate without step": (aggregate(WithoutStep), SUM),
    "window's init": (window(NoInit), WINDOW),
    "window's step": (window(NoStep), WINDOW),
    "window's inverse": (window(NoInverse), WINDOW),
    "window's value": (window(NoValue), WINDOW),
}
# What SQLite says nothing of, and the query succeeds.
SWALLOWED: dict[str, tuple[Setup, str]] = {
    "trace": (lambda c: c.set_trace_callback(fail), "select a from t"),
    "window's finalize": (window(NoFinalize), WINDOW),
}
# What SQLite has words of its own for.
WORDED: dict[str, tuple[Setup, str, str]] = {
    "authorizer": (lambda c: c.set_authorizer(fail), "select a from t", "not authorized"),
    "progress": (lambda c: c.set_progress_handler(fail, 1), "select a from t", "interrupted"),
}


def connect() -> sqlite3.Connection:
    """A table of three rows."""
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a integer)")
    connection.executemany("insert into t values (?)", [(1,), (2,), (3,)])
    return connection
