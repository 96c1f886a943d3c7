"""Walks through the wrappers of an ASGI application."""

from __future__ import annotations

import functools
import inspect
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
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
    kind = type(wrapper)
    named = wrapper if issubclass(kind, type | FunctionType | MethodType) else kind
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
        for inner in _inner_of(path[-1]):
            if id(inner) not in seen and _may_be_an_application(inner):
                seen.add(id(inner))
                waiting.append([*path, inner])


def _may_be_an_application(value: Any) -> bool:
    # Not isinstance(), here and below: a proxy's attributes may raise outside of a request.
    return callable(value) and not issubclass(type(value), type | BuiltinFunctionType)


def _inner_of(wrapper: Any) -> Iterator[Any]:
    """Yield what may be an application within this one, up to what can't be looked at."""
    with suppress(Exception):
        yield from _inner(wrapper)


def _inner(wrapper: Any) -> Iterator[Any]:
    kind = type(wrapper)
    if issubclass(kind, MethodType):
        owner = wrapper.__self__
        yield owner
        yield from _referenced(wrapper.__func__, owner if isinstance(owner, type) else None)
        return
    if issubclass(kind, FunctionType):
        yield wrapper.__dict__.get("__wrapped__")
        yield from _referenced(wrapper)
        return
    if issubclass(kind, functools.partial):
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
    called = inspect.getattr_static(kind, "__call__", None)
    if isinstance(called, FunctionType):
        yield from _referenced(called)


def _slots(wrapper: Any) -> set[str]:
    return {name for kind in type(wrapper).__mro__ for name in getattr(kind, "__slots__", ())}


def _referenced(function: Any, owner: type | None = None) -> Iterator[Any]:
    """Yield what a function refers to: variables of outer functions and of its module.

    Of a class and of a module, as of the owner of a class method, those attributes that the
    function may refer to.
    """
    try:
        names = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        # Not a Python function, or a variable that has no value yet.
        return
    for value in (*names.nonlocals.values(), *names.globals.values(), owner):
        yield value
        if issubclass(type(value), type | ModuleType):
            for name in names.unbound:
                found = vars(value).get(name)
                yield found.__func__ if isinstance(found, classmethod | staticmethod) else found
