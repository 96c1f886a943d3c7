"""Walks through the wrappers of an ASGI application."""

from __future__ import annotations

import functools
import inspect
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Attributes that hold the wrapped application. They are looked up by name as well, since an
# instance may have slots.
_ATTRIBUTES = ("app", "application", "_app", "asgi_application", "asgi_app", "__wrapped__")
# Objects; a host has a few dozen.
_MAX_FOUND = 2000
_MAX_DEPTH = 16


def around(application: Any, is_sought: Callable[[Any], bool]) -> list[Any] | None:
    """Return the wrappers around the sought object, from the outermost on; None if it is not found.

    Args:
        application: ASGI application.
        is_sought: Says whether an object is the sought one.
    """
    return next((path[:-1] for path in _walk(application) if is_sought(path[-1])), None)


def within(application: Any) -> Iterator[Any]:
    """Yield the application and the callables within it."""
    return (path[-1] for path in _walk(application))


def name_of(wrapper: Any) -> str:
    """Return the dotted name of a function, or of an instance's class."""
    named = wrapper if hasattr(wrapper, "__qualname__") else type(wrapper)
    return f"{named.__module__}.{named.__qualname__}"


def _walk(application: Any) -> Iterator[list[Any]]:
    """Yield the path to each callable, the shortest first."""
    waiting: list[list[Any]] = [[application]]
    seen = {id(application)}
    while waiting and len(seen) < _MAX_FOUND:
        path = waiting.pop(0)
        yield path
        if len(path) == _MAX_DEPTH:
            continue
        for inner in _inner(path[-1]):
            if id(inner) not in seen and _may_be_an_application(inner):
                seen.add(id(inner))
                waiting.append([*path, inner])


def _may_be_an_application(value: Any) -> bool:
    return callable(value) and not isinstance(value, type | BuiltinFunctionType)


def _inner(wrapper: Any) -> Iterator[Any]:
    if isinstance(wrapper, MethodType):
        yield wrapper.__self__
        yield from _referenced(wrapper.__func__)
        return
    if isinstance(wrapper, FunctionType):
        yield getattr(wrapper, "__wrapped__", None)
        yield from _referenced(wrapper)
        return
    if isinstance(wrapper, functools.partial):
        yield from (wrapper.func, *wrapper.args, *wrapper.keywords.values())
        return
    for name in _ATTRIBUTES:
        yield inspect.getattr_static(wrapper, name, None)
        if name in _slots(wrapper):
            yield getattr(wrapper, name, None)
    for value in list(getattr(wrapper, "__dict__", {}).values()):
        yield value
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list | tuple):
            yield from value
    called = inspect.getattr_static(type(wrapper), "__call__", None)
    if isinstance(called, FunctionType):
        yield from _referenced(called)


def _slots(wrapper: Any) -> set[str]:
    return {name for kind in type(wrapper).__mro__ for name in getattr(kind, "__slots__", ())}


def _referenced(function: Any) -> Iterator[Any]:
    """Yield what a function refers to: variables of outer functions and of its module."""
    try:
        names = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        # Not a Python function, or a variable that has no value yet.
        return
    yield from names.nonlocals.values()
    yield from names.globals.values()
