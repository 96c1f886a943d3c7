"""Bugsink is told of a release, by the command that a deployment runs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.bugsink import Bugsink, serve_bugsink
from tests.support.bugsink_install import TOKEN
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.processes import HOST, refusing_port

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASE = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def bugsink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bugsink]:
    with serve_bugsink(tmp_path_factory.mktemp("bugsink")) as running:
        yield running


def announce(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Without this environment's packages, as on a runner that has none."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "deploy.announce", *arguments],
        env=clean_environment(**variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def variables(bugsink: Bugsink, **more: str) -> dict[str, str]:
    """The three variables."""
    return {
        "BUGSINK_URL": f"{bugsink.url}/",
        "BUGSINK_PROJECT": str(bugsink.project),
        "BUGSINK_TOKEN": TOKEN,
        **more,
    }


def test_bugsink_knows_it_before_its_first_error(bugsink: Bugsink) -> None:
    """Twice is no failure: a deployment may be run again."""
    first = announce(RELEASE, **variables(bugsink))
    assert first.returncode == 0, first.stderr
    assert bugsink.releases() == [RELEASE]
    assert first.stdout == f"Bugsink knows of {RELEASE} in project {bugsink.project}.\n"
    again = announce(RELEASE, **variables(bugsink))
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == f"Bugsink knew of {RELEASE} in project {bugsink.project}.\n"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"BUGSINK_TOKEN": "0" * 40}, "answered 401"),
        ({"BUGSINK_PROJECT": "9999"}, "answered 4"),
        ({"BUGSINK_URL": f"http://{HOST}:{refusing_port()}"}, "Connection refused"),
        ({"BUGSINK_URL": "bugsink.example.org"}, "wanted http:// or https://"),
        ({"BUGSINK_URL": "", "BUGSINK_TOKEN": " "}, "wanted BUGSINK_URL and BUGSINK_TOKEN"),
    ],
)
def test_what_is_wrong_is_said(bugsink: Bugsink, wrong: dict[str, str], said: str) -> None:
    """And the token is not."""
    done = announce(RELEASE, **variables(bugsink, **wrong))
    assert done.returncode == 1
    assert said in done.stderr
    assert TOKEN not in done.stderr


def test_it_wants_a_release() -> None:
    """An empty one is none."""
    for arguments in ((), ("",), ("a", "b")):
        assert announce(*arguments).returncode == 2
