"""Rules about the source itself, as functions from a tree to what breaks them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAX_LINES = 300


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


def long_files(root: Path, files: Iterable[Path], limit: int = MAX_LINES) -> list[str]:
    """Give the files that hold more than one idea is likely to need."""
    lengths = ((path, len(path.read_text().splitlines())) for path in files)
    return [f"{path.relative_to(root)} has {n} lines" for path, n in lengths if n > limit]


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
