"""The image's contents, made once: they take a minute."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.dockerfile import Build, Image
from tests.support.paths import ROOT
from tests.support.rootfs import debian, machine_variables

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = "0123456789abcdef0123456789abcdef01234567"


def clean_context(folder: Path) -> Path:
    """What git has of what `.dockerignore` lets in, and nothing else of this machine's."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    wanted = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *wanted],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ["Dockerfile", *filter(None, listed.stdout.split("\0"))]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A deployment's, in a folder that has nothing but what the image may be made of."""
    context = clean_context(tmp_path_factory.mktemp("context"))
    arguments = {"RELEASE_SHA": RELEASE}
    return Build(
        context, debian(), tmp_path_factory.mktemp("image"), arguments, machine_variables()
    )


@pytest.fixture(scope="session")
def image(build: Build) -> Image:
    """Made by the Dockerfile's own steps in their order."""
    return build.run()
