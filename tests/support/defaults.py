"""Where a default is written a second time, as a function from declarations and files to lines."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from telemetry.settings.variable import Variable

# What is off, empty or not there is not declared by that: any flag and any list begins so.
NOTHING: tuple[object, ...] = (None, False, "", 0, (), frozenset())


@dataclass(frozen=True)
class Declared:
    """A variable, and what its value is called in the code."""

    variable: Variable[Any]
    names: frozenset[str]
    """In lower case."""

    def has_default(self, value: object) -> bool:
        """Whether a literal is this default: the value, or its text as documents show it."""
        # 1 == True, and 5 == 5.0; the former are different things.
        if isinstance(value, bool) is not isinstance(self.variable.default, bool):
            return isinstance(value, str) and value == self.variable.default_text
        return value in (self.variable.default, self.variable.default_text)


def telling(declared: Iterable[Declared]) -> list[Declared]:
    """Those with a default that a literal can be."""
    return [
        each
        for each in declared
        if not isinstance(each.variable.default, Mapping) and each.variable.default not in NOTHING
    ]


def written_again(root: Path, files: Iterable[Path], declared: Collection[Declared]) -> list[str]:
    """Give `path:line: VARIABLE's default` for each literal that is one.

    A literal is one where what it is given to is called as the value is: a parameter, a field, a
    constant, an argument. Or where it stands in one expression with the variable or its name, or
    with what is called so: `settings.slow or 5.0`.
    """
    wanted = telling(declared)
    found = []
    for path in files:
        tree = ast.parse(path.read_text())
        for line, names, value in (*_given(tree), *_beside(tree)):
            found += [
                f"{path.relative_to(root)}:{line}: {each.variable}'s default"
                for each in wanted
                if names & {*each.names, str(each.variable)} and each.has_default(value)
            ]
    return list(dict.fromkeys(found))


def _given(tree: ast.AST) -> Iterator[tuple[int, set[str], object]]:
    """What is given to a name: line, that name, and the literal."""
    for node in ast.walk(tree):
        match node:
            case ast.arguments():
                plain = [*node.posonlyargs, *node.args]
                pairs = [
                    *zip(plain[len(plain) - len(node.defaults) :], node.defaults, strict=True),
                    *zip(node.kwonlyargs, node.kw_defaults, strict=True),
                ]
                named = [(each.arg, value) for each, value in pairs if value is not None]
            case ast.Assign():
                named = [
                    (each.id, node.value) for each in node.targets if isinstance(each, ast.Name)
                ]
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                named = [(name, value)]
            case ast.Call():
                named = [(each.arg, each.value) for each in node.keywords if each.arg]
            case _:
                continue
        for name, value in named:
            yield from ((line, {name.lower()}, each) for line, each in _literals(value))


def _beside(tree: ast.AST) -> Iterator[tuple[int, set[str], object]]:
    """What stands in one expression with names: line, those names, and the literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call | ast.BoolOp | ast.IfExp):
            parts = [*node.args] if isinstance(node, ast.Call) else list(ast.iter_child_nodes(node))
            names = {name for part in parts for name in _names(part)}
            for part in parts:
                yield from ((line, names, value) for line, value in _literals(part))


def _names(node: ast.AST) -> Iterator[str]:
    """Of variables, attributes, and environment variables."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name.lower()
        case ast.Constant(value=str(text)):
            yield text
    if not isinstance(node, ast.Attribute):
        for child in ast.iter_child_nodes(node):
            yield from _names(child)


def _literals(node: ast.AST) -> Iterator[tuple[int, object]]:
    """The literal that an expression is, or that is handed to what makes a field of it."""
    match node:
        case ast.Constant() | ast.Tuple() | ast.UnaryOp() | ast.Set():
            try:
                yield node.lineno, ast.literal_eval(node)
            except ValueError:
                return
        case ast.Call(func=ast.Name(id="field" | "frozenset"), args=args, keywords=keywords):
            for value in (*args, *(keyword.value for keyword in keywords)):
                yield from _literals(value)
        case ast.Lambda(body=body):
            yield from _literals(body)
        case ast.BoolOp(values=values):
            for value in values:
                yield from _literals(value)
