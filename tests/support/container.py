"""A container of an image that is a folder: its user, its own process numbers, its own files."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGTERM
from typing import TYPE_CHECKING

from tests.support.processes import Program, program
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.dockerfile import Image

# The file system is read-only but for the data and what is forgotten, as compose.yaml says.
_ENTER = """
set -e
mount --bind "$1" "$1"
mount --options remount,bind,ro "$1"
mount --bind "$2" "$1/data"
mount --bind "$3" "$1/cache"
mount --types tmpfs --options mode=1777 none "$1/tmp"
mount --types tmpfs --options mode=1777 none "$1/dev/shm"
mount --types proc none "$1/proc"
root=$1 user=$4 folder=$5
shift 5
exec chroot --userspec="$user" --groups= "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""


@dataclass(frozen=True)
class Volumes:
    """What is there after a container has ended: folders out here, the image's user's own."""

    data: Path
    cache: Path

    @classmethod
    def in_folder(cls, folder: Path, image: Image) -> Volumes:
        """Make them, as an engine does from what the image has there."""
        user, group = (int(number) for number in image.user.split(":"))
        volumes = cls(folder / "data", folder / "cache")
        for path in (volumes.data, volumes.cache):
            path.mkdir()
        subprocess.run(["chown", f"{user}:{group}", volumes.data, volumes.cache], check=True)
        (volumes.data / "sites").mkdir()
        return volumes


class Container:
    """One that runs. Its first process is the one that an engine would signal."""

    def __init__(self, running: Program) -> None:
        self.program = running

    @property
    def first(self) -> int:
        """The number out here of what is process 1 in there."""
        # `unshare` forks once; what it forked becomes each of the commands after it.
        children = Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children")
        [child] = children.read_text().split()
        return int(child)

    def stop(self, timeout: float = PATIENCE) -> int:
        """End it as an engine does, by TERM to its process 1, and give what it ended with."""
        os.kill(self.first, SIGTERM)
        # Which `unshare` itself takes no notice of.
        return self.program.stop(SIGCONT, timeout)


@contextmanager
def serve_container(
    image: Image, volumes: Volumes, variables: Mapping[str, str], *command: str
) -> Iterator[Container]:
    """Run the image's entrypoint as its user and as process 1, with its own command or another."""
    whole = [*image.entrypoint, *(command or image.command)]
    with program(inside(image, volumes, whole), env={**image.env, **variables}) as running:
        yield Container(running)


def run_in_container(
    image: Image, volumes: Volumes, variables: Mapping[str, str], *command: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, as its user."""
    return subprocess.run(
        inside(image, volumes, command),
        env={**image.env, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
    )


def inside(image: Image, volumes: Volumes, command: Sequence[str]) -> list[str]:
    """The command that runs a command in there; nothing that it starts outlives it."""
    places = [image.root, volumes.data, volumes.cache, image.user, image.folder]
    enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", _ENTER, "sh"]
    return [*enter, *map(str, places), *command]
