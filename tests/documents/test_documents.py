"""What the documents say to type works, and what they link to is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.documents.documents import Block, blocks, documents, follow, problems
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [str(path.relative_to(ROOT)) for path in documents()]
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _blocks(name: str) -> list[Block]:
    return list(blocks(name, (ROOT / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_everything_to_type_is_tried(name: str) -> None:
    """Here, by another test, or it says why not."""
    assert [problem for block in _blocks(name) if (problem := problems(block))] == []


@pytest.mark.parametrize(
    "name", [name for name in NAMES if any(block.verb == "run" for block in _blocks(name))]
)
def test_a_reader_who_follows_arrives(name: str, tmp_path: Path) -> None:
    """With the files and the commands of the document alone."""
    follow(_blocks(name), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    """Within the repository."""
    path = ROOT / name
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    links = [link for link in _LINK.findall(text) if not re.match(r"https?:|#", link)]
    assert [link for link in links if not (path.parent / link.partition("#")[0]).exists()] == []


def test_a_document_that_is_wrong_is_found(tmp_path: Path) -> None:
    """A command that fails, one that nobody tries, and a test that is not there."""
    fence = "```"
    text = f"""
<!-- file: a/b.py -->
{fence}python
print("written")
{fence}

<!-- run -->
{fence}sh
python a/b.py | grep -q written
{fence}

<!-- run -->
{fence}sh
python a/b.py | grep -q forgotten
{fence}

{fence}sh
echo untried
{fence}

<!-- run by: tests/absent.py -->
{fence}sh
echo absent
{fence}

{fence}json
{{}}
{fence}
"""
    written, good, bad, untried, absent, shown = blocks("it.md", text)
    follow([written, good], tmp_path)
    with pytest.raises(AssertionError, match=r"it\.md:\d+ ends with 1"):
        follow([bad], tmp_path)
    assert problems(good) is None
    assert problems(shown) is None
    assert "nothing tries it" in (problems(untried) or "")
    assert "there is no tests/absent.py" in (problems(absent) or "")
