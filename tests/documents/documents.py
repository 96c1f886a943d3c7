"""What documents have their readers type, and how each piece of it is tried.

An HTML comment before a fenced block says what becomes of it:

- `<!-- file: NAME -->`: it is written to that file in the document's own folder.
- `<!-- run -->`: it is run there, in the order of the document.
- `<!-- run by: PATH -->`: that test runs it.
- `<!-- not run: REASON -->`: nobody can.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.environment import clean_environment
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TYPED = {"sh", "console", "python"}
"""Languages of blocks that a reader types; others are shown."""
_BLOCK = re.compile(r"(?:^<!-- ([^\n]*?) -->\n+)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    document: str
    line: int
    language: str
    text: str
    verb: str
    """`file`, `run`, `run by`, `not run`; empty where nothing is said."""
    argument: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def documents() -> list[Path]:
    """All that have something to type."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(document: str, text: str) -> Iterator[Block]:
    """The blocks of a document, in its order."""
    for found in _BLOCK.finditer(text):
        verb, _, argument = (found[1] or "").partition(":")
        line = text.count("\n", 0, found.start(3))
        yield Block(document, line, found[2], found[3], verb.strip(), argument.strip())


def problems(block: Block, root: Path = ROOT) -> str | None:
    """What is wrong with what is said of a block, or None."""
    if block.verb == "run by":
        path = root / block.argument
        return None if path.is_file() else f"{block}: there is no {block.argument}"
    if block.verb == "not run":
        return None if block.argument else f"{block}: it says no reason"
    if block.verb in ("file", "run") or (not block.verb and block.language not in TYPED):
        return None
    return f"{block}: a reader types it and nothing tries it ({block.verb or 'no comment'})"


def follow(found: list[Block], folder: Path) -> None:
    """Do as a reader does. Raises AssertionError with the output of what failed."""
    for block in found:
        if block.verb == "file":
            path = folder / block.argument
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.verb == "run":
            _run(block, folder)


def _run(block: Block, folder: Path) -> None:
    # The interpreter of the tests is the reader's.
    command = (
        [sys.executable, "-c", block.text]
        if block.language == "python"
        else ["bash", "-euo", "pipefail", "-c", block.text]
    )
    binaries = str(ROOT / ".venv" / "bin")
    env = clean_environment(
        PATH=f"{binaries}:/usr/bin:/bin", PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1"
    )
    done = subprocess.run(
        command,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=100,
    )
    if done.returncode:
        raise AssertionError(f"{block} ends with {done.returncode}:\n{done.stdout}")
