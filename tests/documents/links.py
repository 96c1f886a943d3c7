"""Links and paths in documents: which of them lead nowhere, and which pages no link leads to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_CODE = re.compile(r"`([^`\s]+)`")
_ELSEWHERE = re.compile(r"[a-z]+:")


def broken_links(document: Path) -> list[str]:
    """Give each relative link of a document to a file or a heading that does not exist."""
    return [
        link
        for link, target, fragment in _links(document)
        if not target.exists() or (fragment and fragment not in _anchors(target))
    ]


def unreachable(index: Path, pages: set[Path]) -> set[Path]:
    """Give the pages that no chain of links leads to from an index."""
    found, waiting = {index.resolve()}, [index]
    while waiting:
        for _, target, _ in _links(waiting.pop()):
            if target.suffix == ".md" and target.is_file() and target not in found:
                found.add(target)
                waiting.append(target)
    return {page.resolve() for page in pages} - found


def missing_paths(document: Path, root: Path) -> list[str]:
    """Give each path in backticks that begins with a folder of the project and does not exist."""
    folders = {path.name for path in root.iterdir() if path.is_dir()}
    return [
        code
        for code in _CODE.findall(_prose(document))
        if "/" in code and code.partition("/")[0] in folders and not (root / code).exists()
    ]


def _links(document: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield each relative link as it is written, its file and its fragment."""
    for link in _LINK.findall(_prose(document)):
        if not _ELSEWHERE.match(link):
            path, _, fragment = link.partition("#")
            yield link, (document.parent / path if path else document).resolve(), fragment


def _anchors(document: Path) -> set[str]:
    """Give the fragments of a document's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_prose(document)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        base = anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = 0
        while anchor in found:
            number += 1
            anchor = f"{base}-{number}"
        found.add(anchor)
    return found


def _prose(document: Path) -> str:
    return _FENCED.sub("", document.read_text(encoding="utf-8"))
