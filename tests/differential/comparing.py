"""Finds the differences between two versions, but for those that `wanted.toml` names.

A value is compared line by line. A line names its surface, its request and its place, so that
one line says what is different.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WANTED = Path(__file__).with_name("wanted.toml")
SHOWN = 60


@dataclass(frozen=True)
class Wanted:
    """A difference that is meant.

    Args:
        surface: a pattern of surfaces, such as `*` or `*/spans`.
        reason: why it is meant.
        before: a regular expression. With `after`, each match in a text of the last release is
            replaced before both are compared. Alone, it names lines that are gone.
        after: what replaces it. Alone, a regular expression of lines that are new.
    """

    surface: str
    reason: str
    before: str | None = None
    after: str | None = None

    def applies(self, surface: str) -> bool:
        return fnmatchcase(surface, self.surface)


def read_wanted(path: Path = WANTED) -> tuple[Wanted, ...]:
    """Read the table. Raises ValueError for an entry that says too little."""
    entries = tomllib.loads(path.read_text())
    unknown = set(entries) - {"difference"}
    found = tuple(Wanted(**entry) for entry in entries.get("difference", ()))
    for entry in found:
        if not entry.reason.strip() or (entry.before is None and entry.after is None):
            raise ValueError(f"{entry} needs a reason, and a before, an after or both")
    if unknown:
        raise ValueError(f"{path.name} has {sorted(unknown)}, wanted only [[difference]]")
    return found


class Comparison:
    """Compares surfaces of two versions, and knows which entries were of use."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self._wanted = wanted
        self._used: set[Wanted] = set()

    def differences(self, surface: str, baseline: Any, tree: Any) -> list[str]:
        """Give the lines that are only in one of the two and that no entry names."""
        entries = [entry for entry in self._wanted if entry.applies(surface)]
        renames = [entry for entry in entries if None not in (entry.before, entry.after)]
        renamed = self._renamed(baseline, renames)
        expected, found = Counter(lines_of(surface, renamed)), Counter(lines_of(surface, tree))
        gone = self._unnamed(expected - found, [e for e in entries if e.after is None])
        new = self._unnamed(found - expected, [e for e in entries if e.before is None])
        marked = [(line, "-") for line in gone] + [(line, "+") for line in new]
        reordered = Counter(_reordered(surface, renamed, tree))
        unnamed = self._unnamed(reordered, [e for e in entries if e.before is None])
        marked += [(line, "~") for line in unnamed]
        return [f"{mark} {line}" for line, mark in sorted(marked)]

    def of_run(self, name: str, baseline: Mapping[str, Any], tree: Mapping[str, Any]) -> list[str]:
        """Give the differences between all surfaces of one run."""
        assert baseline.keys() == tree.keys()
        return [
            line
            for surface in baseline
            for line in self.differences(f"{name}/{surface}", baseline[surface], tree[surface])
        ]

    def stale(self) -> list[Wanted]:
        """Give the entries that named no difference of what was compared."""
        return [entry for entry in self._wanted if entry not in self._used]

    def _renamed(self, value: Any, entries: Sequence[Wanted]) -> Any:
        if not entries:
            return value
        known: dict[str, str] = {}

        def rename(text: str) -> str:
            if text not in known:
                changed = text
                for entry in entries:
                    before = changed
                    changed = re.sub(entry.before or "", entry.after or "", before)
                    if changed != before:
                        self._used.add(entry)
                known[text] = changed
            return known[text]

        return _mapped(value, rename)

    def _unnamed(self, lines: Counter[str], entries: Sequence[Wanted]) -> Iterator[str]:
        for line in lines.elements():
            named = [e for e in entries if re.search(e.before or e.after or "", line)]
            self._used.update(named)
            if not named:
                yield line


def lines_of(surface: str, value: Any) -> Iterator[str]:
    """Give one line for each value within a value, with the way to it."""
    if isinstance(value, dict):
        if not value:
            yield f"{surface} = {{}}"
        for key, item in sorted(value.items()):
            yield from lines_of(f"{surface} > {key}", item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        # In the order of their content; renames have been made already.
        seen: Counter[str] = Counter()
        for item in sorted(value, key=lambda each: json.dumps(each, sort_keys=True)):
            name = _name(item)
            seen[name] += 1
            number = f" #{seen[name]}" if seen[name] > 1 else ""
            yield from lines_of(f"{surface} > [{name}{number}]", item)
    elif _is_text(value):
        for item in value:
            yield f"{surface} = {json.dumps(item)}"
    else:
        yield f"{surface} = {json.dumps(value)}"


def report(differences: Sequence[str], stale: Sequence[Wanted] = ()) -> str:
    """Give a text for people; empty where nothing is different."""
    parts = []
    if differences:
        shown = "\n".join(differences[:SHOWN])
        more = len(differences) - SHOWN
        parts.append(
            f"{len(differences)} lines differ (- last release, + tree). Where a difference "
            f"is meant, name it with its reason in {WANTED.name}:\n{shown}"
            + (f"\n... and {more} more" if more > 0 else "")
        )
    parts += [f"{WANTED.name} names a difference that is not there: {entry}" for entry in stale]
    return "\n".join(parts)


def _is_text(value: Any) -> bool:
    """Say whether a value is a list of lines, which are compared one by one."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(item, str) for item in value)
        and any(" " in item for item in value)
    )


def _reordered(surface: str, expected: Any, found: Any) -> Iterator[str]:
    """Give the texts whose common lines are in another order."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected.keys() & found.keys():
            yield from _reordered(f"{surface} > {key}", expected[key], found[key])
    elif _is_text(expected) and _is_text(found):
        common = Counter(expected) & Counter(found)
        if _of(common, expected) != _of(common, found):
            # Without the lines, of which entries for new lines would match one.
            yield f"{surface} has its lines in another order"


def _of(common: Counter[str], lines: list[str]) -> list[str]:
    """The lines that two texts have, in the order of one."""
    left = Counter(common)
    kept = []
    for line in lines:
        if left[line]:
            left[line] -= 1
            kept.append(line)
    return kept


def _name(item: Any) -> str:
    found: Mapping[str, Any] = item if isinstance(item, dict) else {}
    return " ".join(str(found[key]) for key in _NAMES if isinstance(found.get(key), str)) or "item"


_NAMES = ("kind", "name", "logger", "level", "severity_text")


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return value
