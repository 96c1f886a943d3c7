"""A release is cut in a clone: dated, versioned, committed and tagged, or nothing is touched."""

from __future__ import annotations

import subprocess
import tomllib
from datetime import date
from typing import TYPE_CHECKING

import pytest

from deploy.release import RELEASED, TABLES, ReleaseError, cut, main
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "telemetry/version.py"
TODAY = date(2027, 1, 31)
CHANGELOG = """# Changelog

## 0.2.0 (unreleased)

- **Upgrade**: one name is another.
- A second line.

## 0.1.0 (2026-12-01)

- The first.
"""


def git(project: Path, *arguments: str) -> str:
    """Run it as somebody, whoever runs the tests."""
    somebody = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    done = subprocess.run(
        ["git", *somebody, *arguments], cwd=project, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with this project's own version, and two versions to tell of."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for name, value in (("user.name", "Somebody"), ("user.email", "somebody@example.org")):
        git(tmp_path, "config", name, value)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "telemetry").mkdir()
    (tmp_path / VERSION).write_text((ROOT / VERSION).read_text())
    (tmp_path / RELEASED).parent.mkdir(parents=True)
    (tmp_path / RELEASED).write_text((ROOT / RELEASED).read_text())
    for table in TABLES:
        (tmp_path / table).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / table).write_text("# What it has.\n#\n# And how.\n\n[[an]]\nentry = 1\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Before")
    return tmp_path


def test_it_is_dated_and_tagged(project: Path) -> None:
    """The change log's part is the tag's message."""
    notes = cut(project, "0.2.0", TODAY)

    assert "- **Upgrade**: one name is another.\n- A second line." in notes
    assert "The first" not in notes
    assert "\n## 0.2.0 (2027-01-31)\n" in (project / "CHANGELOG.md").read_text()
    assert '\n__version__ = "0.2.0"\n' in (project / VERSION).read_text()
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "log", "-1", "--format=%s %D", "HEAD~1").strip() == (
        "Release 0.2.0 tag: v0.2.0"
    )
    assert "A second line." in git(project, "tag", "--list", "--format=%(contents)", "v0.2.0")
    with pytest.raises(ReleaseError, match=r"v0\.2\.0 exists already"):
        cut(project, "0.2.0", TODAY)


def test_later_commits_are_compared_with_it(project: Path) -> None:
    """A file that the next commit has names the tagged one."""
    cut(project, "0.2.0", TODAY)
    assert git(project, "log", "-1", "--format=%s %D").strip() == (
        "Compare with release 0.2.0 HEAD -> main"
    )
    released = tomllib.loads((project / RELEASED).read_text())
    tagged = git(project, "rev-list", "-1", "v0.2.0").strip()
    assert released == {"version": "0.2.0", "commit": tagged}
    for table in TABLES:
        assert (project / table).read_text() == "# What it has.\n#\n# And how.\n"
        assert (ROOT / table).read_text().startswith("# ")


@pytest.mark.parametrize(
    ("version", "old", "new", "said"),
    [
        ("v0.2.0", "", "", "VERSION is 'v0.2.0': wanted one such as"),
        ("", "", "", "VERSION is '': wanted one such as"),
        ("0.3.0", "", "", "what is unreleased in CHANGELOG.md is 0.2.0"),
        ("0.2.0", "(unreleased)", "(2026-12-24)", "wanted a first section headed ## 0.2.0"),
        ("0.2.0", "- **Upgrade**: one name is another.\n- A second line.\n", "", "says nothing of"),
        ("0.2.0", "## 0.1.0", "## 0.2.0", "wanted one after 0.2.0"),
    ],
)
def test_what_is_wrong_is_said(project: Path, version: str, old: str, new: str, said: str) -> None:
    """And nothing is changed."""
    changelog = project / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace(old, new))
    git(project, "commit", "--quiet", "--all", "--allow-empty", "--message", "As it is")
    before = git(project, "rev-parse", "HEAD")

    with pytest.raises(ReleaseError) as raised:
        cut(project, version, TODAY)

    assert said in str(raised.value)
    assert git(project, "rev-parse", "HEAD") == before
    assert git(project, "status", "--porcelain") == git(project, "tag") == ""


def test_what_is_not_committed_is_named(project: Path) -> None:
    """It would be in the release's commit."""
    (project / "left.txt").write_text("x")
    with pytest.raises(ReleaseError, match=r"not committed:\n\?\? left.txt"):
        cut(project, "0.2.0", TODAY)


def test_the_change_log_says_what_is_next(capsys: pytest.CaptureFixture[str]) -> None:
    """This one's own, by the command, which must not get so far as to cut anything."""
    assert main([]) == 2
    assert main(["0.0.0"]) == 1
    assert "usage: make release VERSION=" in capsys.readouterr().err
