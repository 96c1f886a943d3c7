"""A Dockerfile's steps in order, in folders that stand for its stages: without a container engine.

What this can't show is what an engine does beyond that: layers, the registry, seccomp, networks. Of
the instructions those are known that ours uses, any other is an error.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMEOUT = 900
# What the stages' own PATH is before any ENV, as the base image's.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Image:
    """A stage: its files, and what a container of it is told."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    args: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction and what follows it, on one line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        (word, rest)
        for word, _, rest in (line.partition(" ") for line in joined.split("\n"))
        if word
    ]


class Build:
    """Runs them; `base` is a file system with Python that stands for the base image."""

    def __init__(
        self,
        context: Path,
        base: Path,
        folder: Path,
        build_args: Mapping[str, str],
        machine: Mapping[str, str],
    ) -> None:
        self._context = context
        self._base = base
        self._folder = folder
        self._build_args = build_args
        # How this machine reaches its package index: not part of the image.
        self._machine = machine
        self._stages: dict[str, Image] = {}
        self.bases: list[str] = []

    def run(self) -> Image:
        """Give the last stage."""
        for word, rest in instructions((self._context / "Dockerfile").read_text("utf-8")):
            if word == "FROM":
                image = self._from(rest)
            else:
                getattr(self, f"_{word.lower()}")(image, rest)
        return image

    def run_again(self, image: Image, build_args: Mapping[str, str]) -> Image:
        """The last stage anew from its ARG on, as an engine does that has the layers before."""
        self._build_args = build_args
        again = replace(image, root=self._copied(image.root, "again"), env=dict(image.env))
        steps = instructions((self._context / "Dockerfile").read_text("utf-8"))
        first = max(index for index, (word, _) in enumerate(steps) if word == "ARG")
        for word, rest in steps[first:]:
            getattr(self, f"_{word.lower()}")(again, rest)
        return again

    def _from(self, rest: str) -> Image:
        base, _, name = rest.partition(" AS ")
        self.bases.append(base)
        name = name or "last"
        image = self._stages[name] = Image(self._copied(self._base, name))
        return image

    def _copied(self, files: Path, name: str) -> Path:
        # Hard links would have one stage's changes show in another.
        subprocess.run(["cp", "-a", "--reflink=auto", files, self._folder / name], check=True)
        return self._folder / name

    def _env(self, image: Image, rest: str) -> None:
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            image.env[name] = self._filled(image, value)

    def _arg(self, image: Image, rest: str) -> None:
        name, _, default = rest.partition("=")
        image.args[name] = self._build_args.get(name, default)

    def _label(self, image: Image, rest: str) -> None:
        name, _, value = rest.partition("=")
        image.labels[name] = self._filled(image, value)

    def _workdir(self, image: Image, rest: str) -> None:
        image.folder = rest
        self._within(image, rest).mkdir(parents=True, exist_ok=True)

    def _copy(self, image: Image, rest: str) -> None:
        *sources, target = rest.split()
        place = self._within(image, target)
        if sources[0].startswith("--from="):
            origin = self._stages[sources.pop(0).removeprefix("--from=")].root
            found = [origin / source.lstrip("/") for source in sources]
        else:
            found = [self._context / source for source in sources]
        for source in found:
            if source.is_dir():
                shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True)
            else:
                # Into a folder, as the target says by its slash: no engine would rename it here.
                assert target.endswith("/"), f"COPY {rest}"
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)

    def _run(self, image: Image, rest: str) -> None:
        env = {**image.args, **image.env, **self._machine, "HOME": "/root"}
        done = subprocess.run(
            ["chroot", image.root, "/bin/sh", "-c", f"cd {shlex.quote(image.folder)} && {rest}"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )
        if done.returncode:
            raise AssertionError(
                f"RUN {rest}\nended with {done.returncode}:\n{done.stdout[-4000:]}"
            )

    def _user(self, image: Image, rest: str) -> None:
        image.user = rest

    def _expose(self, image: Image, rest: str) -> None:
        """Says something, and does nothing."""

    def _healthcheck(self, image: Image, rest: str) -> None:
        image.health = json.loads(rest.partition("CMD ")[2])

    def _entrypoint(self, image: Image, rest: str) -> None:
        image.entrypoint = json.loads(rest)

    def _cmd(self, image: Image, rest: str) -> None:
        image.command = json.loads(rest)

    def _within(self, image: Image, path: str) -> Path:
        return image.root / os.path.join(image.folder, path).lstrip("/")

    def _filled(self, image: Image, value: str) -> str:
        known = {**image.env, **image.args}
        return re.sub(r"\$\{?(\w+)\}?", lambda match: known.get(match[1], ""), value)
