"""The code blocks of documents run, and their links and paths lead to something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.documents.documents import (
    Block,
    blocks,
    documents,
    follow,
    problems,
    with_ports,
)
from tests.documents.links import broken_links, missing_paths, unreachable
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [str(path.relative_to(ROOT)) for path in documents()]
GUIDE = "docs/guides/django-datasette.md"
MAX_README_LINES = 220


def _blocks(name: str) -> list[Block]:
    return list(blocks(name, (ROOT / name).read_text(encoding="utf-8")))


def _lines(*found: Block) -> list[str]:
    return [line.strip() for block in found for line in block.text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", NAMES)
def test_each_block_is_run_or_says_why_not(name: str) -> None:
    """Here or by another test."""
    assert [problem for block in _blocks(name) if (problem := problems(block))] == []


@pytest.mark.parametrize(
    "name",
    [name for name in NAMES if any(block.verb in {"run", "serve"} for block in _blocks(name))],
)
def test_a_document_can_be_followed(name: str, tmp_path: Path) -> None:
    """With the files and the commands of the document alone."""
    follow(_blocks(name), tmp_path)


def test_a_free_port_may_have_a_documented_one_in_it() -> None:
    """Neither it nor a number of more digits is replaced a second time."""
    text = "serve 8000; send to 127.0.0.1:4318; wait 14318"
    assert with_ports(text, {"8000": "24318", "4318": "18000"}) == (
        "serve 24318; send to 127.0.0.1:18000; wait 14318"
    )


def test_the_readme_adopts_the_package_as_the_guide_does() -> None:
    """The guide's files are run; the README repeats one of them and a line of another."""
    files = {block.argument: block for block in _blocks(GUIDE) if block.verb == "file"}
    asgi, router, _ = (block for block in _blocks("README.md") if block.language == "python")
    assert asgi.text == files["my_host/asgi.py"].text
    assert set(_lines(router)) <= set(_lines(files["my_host/router.py"]))


def test_the_readme_is_short() -> None:
    """A newcomer reads it in three minutes; everything else is in docs."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_README_LINES


@pytest.mark.parametrize("name", [*NAMES, "CHANGELOG.md"])
def test_links_lead_to_files_and_headings(name: str) -> None:
    """Relative links; links to other sites are not requested."""
    assert broken_links(ROOT / name) == []


@pytest.mark.parametrize("name", [*NAMES, "CHANGELOG.md"])
def test_paths_exist(name: str) -> None:
    """A module that is moved is moved in the documents too."""
    assert missing_paths(ROOT / name, ROOT) == []


def test_each_page_can_be_reached_from_the_index() -> None:
    """Directly or through a page that the index links to."""
    pages = set((ROOT / "docs").rglob("*.md"))
    assert unreachable(ROOT / "docs" / "README.md", pages) == set()


def test_each_folder_of_the_package_is_described() -> None:
    """In the table of the page for contributors."""
    text = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    folders = [path for path in (ROOT / "telemetry").iterdir() if (path / "__init__.py").exists()]
    assert folders
    assert [path.name for path in folders if f"| `telemetry/{path.name}`" not in text] == []


def test_a_wrong_block_is_found(tmp_path: Path) -> None:
    """A command that fails, one that no test runs, and a test that does not exist."""
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
python a/b.py | grep -q missing
{fence}

{fence}sh
echo untested
{fence}

<!-- run by: tests/absent.py -->
{fence}sh
echo absent
{fence}

{fence}json
{{}}
{fence}
"""
    written, good, bad, untested, absent, shown = blocks("it.md", text)
    follow([written, good], tmp_path)
    with pytest.raises(AssertionError, match=r"it\.md:\d+ ends with 1"):
        follow([bad], tmp_path)
    assert problems(good) is None
    assert problems(shown) is None
    assert "no test runs it" in (problems(untested) or "")
    assert "there is no tests/absent.py" in (problems(absent) or "")


def test_a_wrong_link_is_found(tmp_path: Path) -> None:
    """To a missing file, to a missing heading, and a page without a link to it."""
    (tmp_path / "folder").mkdir()
    index, page, lonely = (tmp_path / name for name in ("a.md", "folder/b.md", "folder/c.md"))
    lonely.write_text("# Lonely\n")
    page.write_text("# A `page`: its title\n\n## Twice\n\n## Twice\n\n[up](../a.md#index)\n")
    index.write_text(
        "# Index\n\n[1](folder/b.md#a-page-its-title) [2](folder/b.md#twice-1) [3](#index)\n"
        "[4](folder/b.md#thrice) [5](absent.md) [6](https://example.org/absent)\n"
        "`folder/b.md` `folder/absent.py` `other/absent.py`\n\n```\n[7](shown.md)\n```\n"
    )
    assert broken_links(index) == ["folder/b.md#thrice", "absent.md"]
    assert broken_links(page) == []
    assert unreachable(index, {index, page, lonely}) == {lonely}
    assert missing_paths(index, tmp_path) == ["folder/absent.py"]
