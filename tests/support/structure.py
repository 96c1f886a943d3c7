"""Rules about the source itself, as functions from a tree to what breaks them."""

from __future__ import annotations

import ast
import graphlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path


def python_files(root: Path, *folders: str) -> list[Path]:
    """Give the Python files of some top-level folders, in a stable order."""
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def imported(tree: ast.AST, *, everywhere: bool) -> Iterator[tuple[int, str]]:
    """Yield line and full name of each import.

    Without `everywhere`, only what runs when the module is imported: nothing
    inside functions, and nothing under `if TYPE_CHECKING:`.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # `from opentelemetry.instrumentation import django` names it last.
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif everywhere:
            yield from imported(node, everywhere=True)
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            for statement in node.orelse:
                yield from imported(
                    ast.Module([statement], []),
                    everywhere=False,
                )
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imported(node, everywhere=False)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def forbidden_imports(
    root: Path, files: Iterable[Path], packages: set[str], *, everywhere: bool
) -> list[str]:
    """Give `path:line imports name` for each import of one of `packages`."""
    return [
        f"{path.relative_to(root)}:{line} imports {name}"
        for path in files
        for line, name in imported(ast.parse(path.read_text()), everywhere=everywhere)
        if any(name == package or name.startswith(f"{package}.") for package in packages)
    ]


def lines_that_match(root: Path, files: Iterable[Path], pattern: re.Pattern[str]) -> list[str]:
    """Give `path:line: text` for each match; what is not text is passed over."""
    found = []
    for path in files:
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(root)}:{number}: {line.strip()[:120]}"
            for number, line in enumerate(lines, 1)
            if pattern.search(line)
        ]
    return found


# Methods of a mapping that give one variable's value. `items` and `copy` hand all of them on.
_LOOKUPS = {"get", "pop", "__getitem__", "__contains__"}


def environment_reads(root: Path, files: Iterable[Path]) -> list[str]:
    """Give `path:line: expression` where a variable of the environment is read by its name.

    To hand the whole environment on, to a function or to a process, and to write is not to read.
    """
    return [
        f"{path.relative_to(root)}:{node.lineno}: {ast.unparse(node)}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.expr | ast.stmt) and _reads_environment(node)
    ]


def _reads_environment(node: ast.expr | ast.stmt) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _LOOKUPS:
            return _is_environment(value)
        case ast.Call(func=ast.Attribute(attr="getenv" | "getenvb") | ast.Name(id="getenv")):
            return True
        case ast.Subscript(value=value, ctx=ast.Load()):
            return _is_environment(value)
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[value]):
            return _is_environment(value)
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.NamedExpr(value=value):
            # Under another name it could be read unseen.
            return _is_environment(value)
        case ast.ImportFrom(module="os", names=names):
            return any(each.name in ("environ", "environb", "getenv") for each in names)
    return False


def _is_environment(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("environ", "environb")


def module_of(root: Path, path: Path) -> str:
    """Give the dotted name of a file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def edges(root: Path, files: Iterable[Path]) -> list[tuple[str, str, str]]:
    """Give `(importer, imported, path:line)` for each import of one of the files by another.

    Those within functions and under `TYPE_CHECKING` count too.
    """
    modules = {module_of(root, path): path for path in files}
    found = []
    for name, path in modules.items():
        for line, imports in imported(ast.parse(path.read_text()), everywhere=True):
            # `from package import module` names the module last, `from module import name` a name.
            target = imports if imports in modules else imports.rpartition(".")[0]
            if target in modules and target != name:
                found.append((name, target, f"{path.relative_to(root)}:{line}"))
    return found


def against_the_order(
    root: Path, files: Iterable[Path], tiers: Sequence[Collection[str]]
) -> list[str]:
    """Give each import that goes up the tiers, and each circle of modules or of rooms.

    A room is the second part of a dotted name: `telemetry.logs` of `telemetry.logs.access`. The
    package itself is the room with an empty name.
    """
    rank = {room: number for number, rooms in enumerate(tiers) for room in rooms}
    found, sideways = [], set()
    imports = edges(root, files)
    found += [
        f"{' -> '.join(circle)} is a circle"
        for circle in _circles({(importer, target) for importer, target, _ in imports})
    ]
    for importer, target, where in imports:
        source, room = _room(importer), _room(target)
        unknown = {source, room} - rank.keys()
        found += [f"{where}: the room {each!r} is in no tier" for each in unknown]
        if source == room or source not in rank or room not in rank:
            continue
        if rank[room] < rank[source]:
            found.append(f"{where}: {source} imports {room}, which is above it")
        elif rank[room] == rank[source]:
            sideways.add((source, room))
    found += [f"{' -> '.join(circle)} is a circle" for circle in _circles(sideways)]
    return sorted(set(found))


def _room(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def _circles(arrows: Collection[tuple[str, str]]) -> list[list[str]]:
    try:
        graphlib.TopologicalSorter(
            {room: {other for one, other in arrows if one == room} for room, _ in arrows}
        ).prepare()
    except graphlib.CycleError as error:
        return [error.args[1]]
    return []
