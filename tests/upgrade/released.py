"""The last release, and what the changelog says has changed since."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.support import history
from tests.support.paths import ROOT

_RELEASED = tomllib.loads(Path(__file__).with_name("released.toml").read_text("utf-8"))
VERSION: str = _RELEASED["version"]
COMMIT: str = _RELEASED["commit"]
_HEADING = re.compile(r"^## (?P<version>\S+) \((?P<state>[^)]+)\)$", re.MULTILINE)


def archive() -> Path:
    """A folder with all files of the release."""
    return history.archive(COMMIT)


def python() -> Path:
    """The interpreter of an environment with the release's wheel."""
    return history.installed(COMMIT)


def upgrade_notes(changelog: str, version: str = VERSION) -> set[str]:
    """The names in backticks in the **Upgrade** items of what is newer than a version.

    A section that is not released yet is newer, whatever its number.
    """
    names: set[str] = set()
    headings = list(_HEADING.finditer(changelog))
    for heading, after in zip(headings, [*headings[1:], None], strict=True):
        if heading["version"] == version and heading["state"] != "unreleased":
            break
        section = changelog[heading.end() : after.start() if after else len(changelog)]
        for item in re.split(r"^- ", section, flags=re.MULTILINE):
            if item.startswith("**Upgrade**"):
                names |= set(re.findall(r"`([^`]+)`", item))
    return names


def noted() -> set[str]:
    """Those of the tree's changelog."""
    return upgrade_notes((ROOT / "CHANGELOG.md").read_text("utf-8"))


def tables(reference: str, section: str) -> dict[str, dict[str, str]]:
    """The rows of the tables in a section of the reference, by their first column."""
    text = re.split(r"^## ", reference, flags=re.MULTILINE)
    [found] = [part for part in text if part.startswith(f"{section}\n")]
    rows: dict[str, dict[str, str]] = {}
    columns: list[str] = []
    for line in found.splitlines():
        if not line.startswith("| "):
            columns = []
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not columns:
            columns = cells
        elif not set(cells[0]) <= {"-"}:
            rows[cells[0].strip("`")] = dict(zip(columns, cells, strict=True))
    return rows
