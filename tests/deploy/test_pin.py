"""Actions pinned to commits and images to digests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from deploy.pin import files, main, pinned, unpinned
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

import pytest

COMMIT, DIGEST = "0123456789abcdef" * 2 + "01234567", "sha256:" + "ab" * 32


def pin(text: str) -> str:
    return pinned(text, lambda *_: COMMIT, lambda _: DIGEST)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- uses: actions/checkout@v5", f"- uses: actions/checkout@{COMMIT} # v5"),
        (f"- uses: actions/checkout@{'f' * 40} # v5", f"- uses: actions/checkout@{COMMIT} # v5"),
        ("uses: a/b@release/v1", f"uses: a/b@{COMMIT} # release/v1"),
        ("uses: a/b/folder@v1", f"uses: a/b/folder@{COMMIT} # v1"),
        ("uses: ./.github/workflows/test.yaml", None),
        ("FROM python:3.13-slim AS build", f"FROM python:3.13-slim@{DIGEST} AS build"),
        (f"    image: a/b:2@sha256:{'0' * 64}", f"    image: a/b:2@{DIGEST}"),
        ("  image: ${IMAGE:-corkboard}:${RELEASE_SHA:-development}", None),
        ("COPY --from=build /venv /venv", None),
    ],
)
def test_a_tag_becomes_what_it_means(text: str, shown: str | None) -> None:
    """And stays beside it; a second run takes what the tag means then."""
    assert pin(text) == (text if shown is None else shown)
    assert list(unpinned(pin(text))) == []


def test_every_action_and_image_of_this_project_can_be_pinned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check names those that are not."""
    for path in files(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    assert main(["--check"], tmp_path) == (1 if any(map(_loose, files(ROOT))) else 0)
    assert "Dockerfile: python:3.13-slim-trixie" in capsys.readouterr().out or not _loose(
        ROOT / "Dockerfile"
    )
    for path in files(tmp_path):
        path.write_text(pin(path.read_text("utf-8")), "utf-8")
    assert main(["--check"], tmp_path) == 0
    assert (tmp_path / "Dockerfile").read_text("utf-8").count(DIGEST) == 2


def _loose(path: Path) -> list[str]:
    return list(unpinned(path.read_text("utf-8")))


def test_nothing_else_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chek"]) == 2
    assert "usage: " in capsys.readouterr().err
