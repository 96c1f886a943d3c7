"""Finds where source uses what another package keeps private, or replaces what it has.

A name is another's if nothing of ours defines it: of `self`, no class of ours that it inherits
from; of anything else, nothing in the same module. So a private attribute of another package is
missed where the module has one of the same name.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.support.structure import module_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

# `collections.namedtuple`, `os` and `sys` document these.
DOCUMENTED = frozenset(
    {"_replace", "_asdict", "_make", "_fields", "_field_defaults", "_exit", "_current_frames"}
)
# What Python itself writes into classes.
OF_PYTHON = frozenset({"_abc_impl", "_is_protocol", "_is_runtime_protocol"})
ACCESSORS = frozenset({"getattr", "setattr", "hasattr", "delattr"})


class Source(NamedTuple):
    """One module."""

    name: str
    where: str
    tree: ast.Module
    imports: dict[str, str]
    """Local names, and what each is in full."""


def private_names(
    root: Path,
    files: Iterable[Path],
    *,
    ours: Collection[str],
    published: Collection[str] = (),
    replaced: Collection[str] = (),
) -> list[str]:
    """Give `path:line: name` for each private name of another package, and each replacement.

    Args:
        root: of the files.
        files: what is looked through.
        ours: packages that are not another's.
        published: modules with an underscore that their package documents.
        replaced: attributes of others that may be assigned to, in full.
    """
    sources = [_read(root, path) for path in files]
    classes = {
        f"{source.name}.{node.name}": (source, node)
        for source in sources
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
    }
    found: list[str] = []
    for source in sources:
        rule = _Rule(source, classes, frozenset(ours), frozenset(published), frozenset(replaced))
        found += [f"{source.where}:{line}: {name}" for line, name in rule.broken()]
    return sorted(set(found))


class _Rule:
    def __init__(
        self,
        source: Source,
        classes: dict[str, tuple[Source, ast.ClassDef]],
        ours: frozenset[str],
        published: frozenset[str],
        replaced: frozenset[str],
    ) -> None:
        self._source = source
        self._classes = classes
        self._ours = ours
        self._published = published
        self._replaced = replaced
        self._here = _defined(source.tree)

    def broken(self) -> Iterator[tuple[int, str]]:
        yield from self._within(self._source.tree, None)

    def _within(self, tree: ast.AST, inside: ast.ClassDef | None) -> Iterator[tuple[int, str]]:
        for node in ast.iter_child_nodes(tree):
            yield from self._of(node, inside)
            yield from self._within(node, node if isinstance(node, ast.ClassDef) else inside)

    def _of(self, node: ast.AST, inside: ast.ClassDef | None) -> Iterator[tuple[int, str]]:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from ((node.lineno, name) for name in names if self._is_hidden(name))
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((node.lineno, name) for name in names if self._is_hidden(name))
        elif isinstance(node, ast.Attribute):
            yield from self._of_attribute(node, node.value, node.attr, inside)
            if isinstance(node.ctx, ast.Store | ast.Del):
                yield from self._of_replacement(node, node.value, node.attr)
        elif isinstance(node, ast.Call):
            yield from self._of_call(node, inside)

    def _of_call(self, node: ast.Call, inside: ast.ClassDef | None) -> Iterator[tuple[int, str]]:
        called = self._in_full(node.func) or ""
        texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
        if called in ACCESSORS and len(node.args) > 1 and texts and isinstance(texts[0], str):
            yield from self._of_attribute(node, node.args[0], texts[0], inside)
            if called in ("setattr", "delattr"):
                yield from self._of_replacement(node, node.args[0], texts[0])
        elif called.startswith(("wrapt.wrap_", "wrapt.patch_")):
            yield node.lineno, f"{called}({', '.join(map(str, texts))})"
        elif called == "importlib.import_module" and texts and self._is_hidden(str(texts[0])):
            yield node.lineno, str(texts[0])

    def _of_attribute(
        self, node: ast.expr, owner: ast.expr, name: str, inside: ast.ClassDef | None
    ) -> Iterator[tuple[int, str]]:
        if not _is_private(name) or name in DOCUMENTED:
            return
        own = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
        if own and inside is not None:
            known: Collection[str] = self._inherited(self._source, inside)
        else:
            if self._is_ours(self._in_full(owner)):
                return
            known = self._here
        if name not in known:
            yield node.lineno, f"{ast.unparse(owner)}.{name}"

    def _of_replacement(
        self, node: ast.expr, owner: ast.expr, name: str
    ) -> Iterator[tuple[int, str]]:
        full = self._in_full(owner)
        if full is None or self._is_ours(full) or full.partition(".")[0] in sys.stdlib_module_names:
            return
        if f"{full}.{name}" not in self._replaced:
            yield node.lineno, f"{full}.{name} is replaced"

    def _inherited(self, source: Source, node: ast.ClassDef) -> set[str]:
        known = set(_defined(node))
        for base in node.bases:
            bare = base.value if isinstance(base, ast.Subscript) else base
            full = source.imports.get(ast.unparse(bare), f"{source.name}.{ast.unparse(bare)}")
            if full in self._classes:
                known |= self._inherited(*self._classes[full])
        return known

    def _in_full(self, node: ast.expr) -> str | None:
        """The dotted name of what is imported or a builtin; None for everything else."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        first = self._source.imports.get(node.id)
        if first is None:
            return node.id if node.id in ACCESSORS else None
        return ".".join([first, *reversed(parts)])

    def _is_ours(self, full: str | None) -> bool:
        return full is not None and full.partition(".")[0] in self._ours

    def _is_hidden(self, full: str) -> bool:
        if self._is_ours(full) or full.partition(".")[0] == "__future__":
            return False
        return any(map(_is_private, full.split("."))) and not any(
            # Its own parts are public, as far as they have no further underscore.
            f"{full}.".startswith(f"{module}.")
            and not any(map(_is_private, full.removeprefix(module).split(".")))
            for module in self._published
        )


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _read(root: Path, path: Path) -> Source:
    tree = ast.parse(path.read_text())
    imports: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name if alias.asname else alias.name.partition(".")[0]
                imports[alias.asname or top] = top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return Source(module_of(root, path), str(path.relative_to(root)), tree, imports)


# A tree is not changed, and each of its attributes asks.
@cache
def _defined(tree: ast.AST) -> frozenset[str]:
    """The private names that a class or a module defines or assigns to `self`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found |= {node.attr} if ast.unparse(node.value) in ("self", "cls") else set()
    return frozenset(name for name in found if _is_private(name))


def overridden(classes: Iterable[type[Any]], ours: str) -> set[str]:
    """Give `module.Class._name` for each private name of a base that a class of ours also has.

    Methods and class attributes, and what both assign to `self`.
    """
    found: set[str] = set()
    for kind in classes:
        own = {base for base in kind.__mro__ if base.__module__.partition(".")[0] == ours}
        mine = {name for base in own for name in _names_of(base)}
        for base in kind.__mro__:
            package = base.__module__.partition(".")[0]
            if base not in own and package not in sys.stdlib_module_names:
                common = (mine & _names_of(base)) - OF_PYTHON
                found |= {f"{base.__module__}.{base.__qualname__}.{name}" for name in common}
    return found


# The same bases have many classes.
@cache
def _names_of(kind: type[Any]) -> frozenset[str]:
    found = {name for name in vars(kind) if _is_private(name)}
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        # Written in C, or made at run time.
        return frozenset(found)
    return _defined(tree) | found


def unused(files: Iterable[Path], names: Collection[str]) -> set[str]:
    """Give those names that nothing reads as an attribute."""
    read = {
        node.attr
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    return set(names) - read
