"""Renames a name of an imported package, with every use of it in the package."""

from __future__ import annotations

import gc
import sys
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "renamed_"


def rename(module: str, path: str = "") -> None:
    """Rename what another release could rename; the package itself works as before.

    Without a path it is the module, which can't be imported by its name any more.

    Of a module's global its own functions use the new name; in the standard library those of the
    package's other modules do, which use it as the module's attribute. Of a class's attribute all
    functions of the package do, all subclasses have it, and so do the instances that exist already.

    Raises:
        LookupError: There is no such name, so nothing was renamed.
    """
    holder: Any = sys.modules[module]
    if not path:
        sys.modules[f"{module}_{PREFIX}"] = holder
        sys.modules[module] = None  # type: ignore[assignment] # Python's way to say so
        return
    *parents, name = path.split(".")
    for parent in parents:
        holder = getattr(holder, parent)
    if isinstance(holder, ModuleType):
        found = _move(vars(holder), name)
        functions: Iterator[FunctionType]
        functions = (f for f in _functions() if f.__globals__ is vars(holder))
        if module.partition(".")[0] in sys.stdlib_module_names:
            functions = (f for f in _of_package(module) if name not in f.__globals__)
    else:
        kind = holder if isinstance(holder, type) else type(holder)
        found = sum([_move_attribute(each, name) for each in _family(kind)]) > 0
        found |= sum([_move(each, name) for each in _attributes(kind)]) > 0
        functions = _of_package(module)
    for function in functions:
        code = _renamed(function.__code__, name)
        if code is not function.__code__:
            function.__code__ = code
            found = True
    if not found:
        raise LookupError(f"{module}.{path}")


def _move(names: dict[str, Any], name: str) -> bool:
    if name not in names:
        return False
    names[PREFIX + name] = names.pop(name)
    return True


def _move_attribute(kind: type[Any], name: str) -> bool:
    if name not in vars(kind):
        return False
    setattr(kind, PREFIX + name, vars(kind)[name])
    delattr(kind, name)
    return True


def _family(kind: type[Any]) -> set[type[Any]]:
    below = {kind}
    for child in kind.__subclasses__():
        below |= _family(child)
    # Attributes inherited from another package's class are not renamed.
    package = kind.__module__.partition(".")[0]
    above = {each for each in kind.__mro__ if each.__module__.partition(".")[0] == package}
    return below | above


def _attributes(kind: type[Any]) -> list[dict[str, Any]]:
    return [
        vars(thing)
        for thing in gc.get_objects()
        if issubclass(type(thing), kind) and type(vars(thing)) is dict
    ]


def _of_package(module: str) -> Iterator[FunctionType]:
    parts = module.split(".")
    # Signals of OpenTelemetry's SDK are packages of their own, with the same names.
    package = ".".join(parts[: 3 if parts[0] == "opentelemetry" else 1])
    return (f for f in _functions() if f"{f.__module__}.".startswith(f"{package}."))


def _functions() -> Iterator[FunctionType]:
    for thing in gc.get_objects():
        if type(thing) is FunctionType and isinstance(thing.__module__, str):
            yield thing


def _renamed(code: CodeType, name: str) -> CodeType:
    inner = tuple(
        _renamed(each, name) if isinstance(each, CodeType) else each for each in code.co_consts
    )
    if name not in code.co_names and all(map(_is, inner, code.co_consts)):
        return code
    names = tuple(PREFIX + each if each == name else each for each in code.co_names)
    return code.replace(co_names=names, co_consts=inner)


def _is(one: object, other: object) -> bool:
    return one is other
