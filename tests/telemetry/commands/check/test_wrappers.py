"""Wrappers of an application, as hosts write them."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from telemetry.commands.check.wrappers import around, name_of, within


class Sought:
    """The application that is looked for."""

    def __call__(self, *arguments: Any) -> None:
        """Serve."""


class Slotted:
    """A wrapper without a dictionary."""

    __slots__ = ("app",)

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, *arguments: Any) -> Any:
        return self.app(*arguments)


class Listing:
    """A wrapper that has others in a list and in a dictionary."""

    def __init__(self, *apps: Any) -> None:
        self.apps = list(apps)
        self.by_name = {"one": len}

    def __call__(self, *arguments: Any) -> Any:
        return self.apps[0](*arguments)


def _closure(app: Any) -> Any:
    def wrapper(*arguments: Any) -> Any:
        return app(*arguments)

    return wrapper


def _decorated(app: Any) -> Any:
    @functools.wraps(app)
    def wrapper(*arguments: Any) -> None:
        """Serve."""

    return wrapper


def _unfinished(app: Any) -> Any:
    def wrapper(*arguments: Any) -> Any:
        return later(*arguments), app

    if app is None:
        later = len
    return wrapper


def _hidden(app: Any) -> Any:
    class Proxy:
        """Whose attributes can be read within a request only."""

        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __call__(self, *arguments: Any) -> None:
            """Serve."""

    return Listing(Proxy(), app)


def _calls(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


WRAPPERS: dict[str, Any] = {
    "slots": Slotted,
    "a list": Listing,
    "closure": _closure,
    "functools.wraps": lambda app: _decorated(functools.partial(app)),
    "partial": functools.partial,
    "argument of a partial": lambda app: functools.partial(_calls, app),
    "keyword of a partial": lambda app: functools.partial(_calls, function=app),
    "method": lambda app: Slotted(app).__call__,
    "behind a proxy": _hidden,
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_the_application_is_found_within(wrap: Any) -> None:
    """Once and twice wrapped, and not where it is missing."""
    sought = Sought()
    for application in (wrap(sought), wrap(wrap(sought))):
        found = around(application, lambda each: each is sought)
        assert found is not None
        assert found[0] is application
        assert sought in within(application)
    assert around(wrap(_calls), lambda each: each is sought) is None


def test_what_can_not_be_looked_at_ends_nothing() -> None:
    """A variable without a value yet: the others of its function are not known."""
    sought = Sought()
    assert around(Listing(_unfinished(1), sought), lambda each: each is sought) is not None
    assert around(_unfinished(sought), lambda each: each is sought) is None


def test_a_wrapper_is_named_by_its_function_or_class() -> None:
    """So that an operator finds it in the code."""
    assert name_of(Slotted(None)) == f"{__name__}.Slotted"
    assert name_of(_calls) == f"{__name__}._calls"
    assert name_of(functools.partial(_calls)) == "functools.partial"
