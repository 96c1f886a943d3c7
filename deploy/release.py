"""`make release VERSION=0.2.0`: date the unreleased changes, commit them and create the tag.

The change log has the number of the next release: its first section is `## 0.2.0 (unreleased)`.
A second commit names the first one in `tests/upgrade/released.toml`: later commits are compared
with it. So it empties the tables of differences from the release before.
Nothing is pushed. The workflow `release` builds, tests and publishes the tag once it is pushed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, date, datetime
from itertools import takewhile
from pathlib import Path

from packaging.version import InvalidVersion, Version

PROJECT = Path(__file__).parent.parent
RELEASED = Path("tests") / "upgrade" / "released.toml"
TABLES = tuple(
    Path("tests") / "differential" / name for name in ("wanted.toml", "removed_tests.toml")
)
"""Their first lines are comments, which stay."""
_HEADING = re.compile(r"^## (?P<version>\S+) \((?P<state>[^)]+)\)$", re.MULTILINE)
_VERSION = re.compile(r'^__version__ = "[^"]+"$', re.MULTILINE)


class ReleaseError(Exception):
    """The release can't be made. Has the reason. Nothing has been changed."""


def cut(project: Path, version: str, today: date) -> str:
    """Commit and tag the release, and name its commit. Returns its section of the change log.

    Raises:
        ReleaseError: The version is invalid, differs from the change log's or exists already;
            or there are uncommitted changes, or no changes to release.
    """
    _require_plain(version)
    tag = f"v{version}"
    if status := _git(project, "status", "--porcelain"):
        raise ReleaseError(f"there is something that is not committed:\n{status}")
    if _git(project, "tag", "--list", tag):
        raise ReleaseError(f"{tag} exists already")
    changelog, module = project / "CHANGELOG.md", project / "telemetry" / "version.py"
    text, notes = _dated(changelog.read_text("utf-8"), version, today)
    source, replaced = _VERSION.subn(f'__version__ = "{version}"', module.read_text("utf-8"))
    if replaced != 1:
        raise ReleaseError("telemetry/version.py: wanted one line that begins with __version__ =")
    changelog.write_text(text, "utf-8")
    module.write_text(source, "utf-8")
    _git(project, "commit", "--all", "--quiet", "--message", f"Release {version}")
    _git(project, "tag", "--annotate", tag, "--cleanup=verbatim", "--message", notes)
    released = project / RELEASED
    released.write_text(_released(version, _git(project, "rev-parse", "HEAD")), "utf-8")
    for table in (project / name for name in TABLES):
        lines = takewhile(lambda line: line.startswith("#"), table.read_text("utf-8").splitlines())
        table.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    _git(project, "commit", "--all", "--quiet", "--message", f"Compare with release {version}")
    return notes


def _released(version: str, commit: str) -> str:
    """The file that names the release by its commit, since a tag need not be in a clone."""
    return (
        "# The release that each commit is compared with. Written by `make release`, in the commit "
        "after the\n# release's.\n"
        f'version = "{version}"\ncommit = "{commit}"\n'
    )


def _require_plain(version: str) -> None:
    try:
        plain = str(Version(version)) == version and not Version(version).local
    except InvalidVersion:
        plain = False
    if not plain:
        raise ReleaseError(f"VERSION is {version!r}: wanted one such as 0.2.0 or 0.2.0rc1")


def _dated(text: str, version: str, today: date) -> tuple[str, str]:
    """Return the change log with its first section dated, and that section."""
    first = _HEADING.search(text)
    if first is None or first["state"] != "unreleased":
        raise ReleaseError(f"CHANGELOG.md: wanted a first section headed ## {version} (unreleased)")
    if first["version"] != version:
        raise ReleaseError(
            f"VERSION is {version}, and what is unreleased in CHANGELOG.md is {first['version']}"
        )
    after = _HEADING.search(text, first.end())
    notes = text[first.end() : after.start() if after else len(text)].strip()
    if not notes:
        raise ReleaseError(f"CHANGELOG.md says nothing of {version}")
    if after and Version(after["version"]) >= Version(version):
        raise ReleaseError(f"VERSION is {version}: wanted one after {after['version']}")
    heading = f"## {version} ({today.isoformat()})"
    return f"{text[: first.start()]}{heading}{text[first.end() :]}", f"{version}\n\n{notes}\n"


def _git(project: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReleaseError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: make release VERSION=0.2.0", file=sys.stderr)  # noqa: T201
        return 2
    try:
        notes = cut(PROJECT, arguments[0], datetime.now(UTC).date())
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{notes}\nCommitted and tagged. To publish it: git push --follow-tags")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
