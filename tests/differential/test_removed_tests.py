"""Each test function of the last release is there, or `removed_tests.toml` names what replaces it.

Files may move, and functions may move between files: only names are compared.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.differential.baseline import archive
from tests.support.paths import ROOT

REMOVED = Path(__file__).with_name("removed_tests.toml")
Entry = dict[str, object]


def names_of_tests(root: Path) -> Counter[str]:
    """Give the names of all test functions below `root / "tests"`, and how often each stands."""
    return Counter(
        node.name
        for path in sorted((root / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def problems(before: Counter[str], now: Counter[str], entries: list[Entry]) -> list[str]:
    """Give what is wrong with the table."""
    missing = before - now
    named = Counter(str(entry.get("name")) for entry in entries)
    found = [f"{name} is gone and not named" for name in (missing - named).elements()]
    found += [f"{name} is named and not gone" for name in (named - missing).elements()]
    for entry in entries:
        replacements = entry.get("replaced_by")
        if not isinstance(replacements, list) or not replacements or not entry.get("reason"):
            found.append(f"{entry.get('name')} needs a reason and what replaces it")
        else:
            absent = [name for name in replacements if name not in now]
            found += [f"{entry.get('name')}: its replacement {name} is absent" for name in absent]
    return found


def test_removed_tests_are_named_with_their_replacements() -> None:
    """A test can't get lost among moves."""
    table = tomllib.loads(REMOVED.read_text())
    assert table.keys() <= {"removed"}
    before, now = names_of_tests(archive()), names_of_tests(ROOT)
    assert sum(before.values()) > 500
    assert problems(before, now, table.get("removed", [])) == []


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([], ["test_a is gone and not named"]),
        ([{"name": "test_a", "replaced_by": ["test_b"], "reason": "It covers both."}], []),
        (
            [{"name": "test_a", "replaced_by": ["test_c"], "reason": "It covers both."}],
            ["test_a: its replacement test_c is absent"],
        ),
        (
            [{"name": "test_a", "replaced_by": [], "reason": "It covers both."}],
            ["test_a needs a reason and what replaces it"],
        ),
        (
            [
                {"name": "test_a", "replaced_by": ["test_b"], "reason": "It covers both."},
                {"name": "test_b", "replaced_by": ["test_b"], "reason": "None."},
            ],
            ["test_b is named and not gone"],
        ),
    ],
)
def test_a_removed_test_is_found(entries: list[Entry], found: list[str]) -> None:
    """One that is not named, one that is named for nothing, and one that nothing replaces."""
    before = Counter({"test_a": 2, "test_b": 1})
    assert problems(before, Counter({"test_a": 1, "test_b": 1}), entries) == found
