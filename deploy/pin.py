"""`python3 -m deploy.pin`: pin each action to a commit and each image to a digest.

A tag of an action or an image can be moved. Rewrites the workflows, the Dockerfile and compose.yaml
in place, and keeps the tag beside what it means now. Needs a network, git and docker; run it again
to take newer ones. `--check` changes nothing and exits with 1 if something is not pinned.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).parent.parent
SECONDS = 60
# `- uses: owner/repository/folder@tag`, or `@commit # tag` once it is pinned. A path is our own.
_ACTION = re.compile(
    r"(?P<before>\buses: *)(?P<name>[\w.-]+/[\w.-]+)(?P<folder>(?:/[\w./-]+)?)@"
    r"(?P<ref>[\w./-]+)(?:[ \t]+#[ \t]*(?P<tag>\S+))?"
)
# `FROM name:tag`, `image: name:tag`, with the digest once it is pinned. Those with a variable in
# their name are our own.
_IMAGE = re.compile(
    r"(?m)(?P<before>^(?:FROM +| *image: +))(?P<name>[\w./-]+):(?P<tag>[\w.-]+)"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?=\s|$)"
)
_COMMIT = re.compile(r"[0-9a-f]{40}")


class PinError(Exception):
    """Something can't be pinned. Has the reason."""


def pinned(text: str, commit: Callable[[str, str], str], digest: Callable[[str], str]) -> str:
    """Return a file's text with its actions and images pinned.

    Args:
        text: a workflow, a Dockerfile or compose.yaml.
        commit: returns the commit of a repository's tag or branch.
        digest: returns the digest of an image with a tag.
    """

    def action(match: re.Match[str]) -> str:
        tag = match["tag"] if _COMMIT.fullmatch(match["ref"]) else match["ref"]
        if tag is None:
            return match[0]
        found = commit(match["name"], tag)
        return f"{match['before']}{match['name']}{match['folder']}@{found} # {tag}"

    def image(match: re.Match[str]) -> str:
        name = f"{match['name']}:{match['tag']}"
        return f"{match['before']}{name}@{digest(name)}"

    return _IMAGE.sub(image, _ACTION.sub(action, text))


def unpinned(text: str) -> Iterator[str]:
    """Yield the actions and images of a file that are not pinned."""
    for match in _ACTION.finditer(text):
        if not _COMMIT.fullmatch(match["ref"]):
            yield f"{match['name']}@{match['ref']}"
    for match in _IMAGE.finditer(text):
        if match["digest"] is None:
            yield f"{match['name']}:{match['tag']}"


def files(project: Path) -> list[Path]:
    """Return the files that name actions and images."""
    workflows = sorted((project / ".github" / "workflows").glob("*.yaml"))
    return [*workflows, project / "Dockerfile", project / "compose.yaml"]


def commit_of(repository: str, ref: str) -> str:
    """Return the commit of a tag or a branch on GitHub.

    Raises:
        PinError: There is no such tag or branch, or no network.
    """
    address = f"https://github.com/{repository}"
    # An annotated tag has its commit in a second line, which ends with ^{}.
    names = (f"refs/tags/{ref}", f"refs/tags/{ref}^{{}}", f"refs/heads/{ref}")
    lines = _output("git", "ls-remote", address, *names).splitlines()
    found = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
    for name in (names[1], names[0], names[2]):
        if name in found:
            return found[name]
    raise PinError(f"{address} has no tag or branch {ref!r}")


def digest_of(image: str) -> str:
    """Return the digest of an image with a tag, for all of its platforms.

    Raises:
        PinError: There is no such image, no network or no docker.
    """
    form = "{{.Manifest.Digest}}"
    digest = _output("docker", "buildx", "imagetools", "inspect", "--format", form, image).strip()
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise PinError(f"{image}: docker gave {digest!r}, wanted a digest")
    return digest


def _output(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PinError(f"{' '.join(command)}: {error}") from None
    if done.returncode:
        raise PinError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def main(arguments: list[str], project: Path = PROJECT) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: python3 -m deploy.pin [--check]", file=sys.stderr)  # noqa: T201
        return 2
    if arguments:
        loose = [
            f"{path.relative_to(project)}: {name}"
            for path in files(project)
            for name in unpinned(path.read_text("utf-8"))
        ]
        print("\n".join(loose) or "everything is pinned")  # noqa: T201
        return 1 if loose else 0
    try:
        # All of them first: nothing is written if one fails.
        texts = {
            path: pinned(path.read_text("utf-8"), commit_of, digest_of) for path in files(project)
        }
    except PinError as error:
        print(f"pin: {error}", file=sys.stderr)  # noqa: T201
        return 1
    for path, text in texts.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
