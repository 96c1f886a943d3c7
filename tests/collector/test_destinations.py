"""A destination that is not told all that it needs does not start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from collector.destinations import (
    BASE,
    WrongDestinationError,
    completed,
    configuration,
    destinations,
)
from telemetry.settings.logfire import REGIONS
from tests.support.environment import clean_environment
from tests.support.paths import ROOT

STORAGE = {"COLLECTOR_STORAGE": "/var/lib/collector"}


def test_there_is_one_file_for_each() -> None:
    """Those that the documents name."""
    assert destinations() == ["files", "logfire", "otlp", "viewer"]


@pytest.mark.parametrize(
    ("destination", "environ", "missing"),
    [
        ("logfire", STORAGE, "LOGFIRE_BASE_URL and LOGFIRE_TOKEN"),
        ("logfire", {**STORAGE, "LOGFIRE_TOKEN": "x", "LOGFIRE_BASE_URL": " "}, "LOGFIRE_BASE_URL"),
        ("otlp", STORAGE, "DEST_ENDPOINT"),
        ("files", STORAGE, "FILES_PATH"),
        ("viewer", {}, "COLLECTOR_STORAGE"),
    ],
)
def test_what_is_missing_is_named(destination: str, environ: dict[str, str], missing: str) -> None:
    """All of it at once; an empty value counts as unset."""
    with pytest.raises(WrongDestinationError, match=f"DEST={destination} needs {missing};"):
        configuration(destination, environ)


def test_a_token_says_its_region() -> None:
    """Unless it names none, or another address is given; a blank one is not."""
    for given, address in (
        ({"LOGFIRE_TOKEN": "pylf_v1_eu_abc"}, "https://logfire-eu.pydantic.dev"),
        ({"LOGFIRE_TOKEN": "pylf_v1_eu_abc", "LOGFIRE_BASE_URL": ""}, REGIONS["eu"]),
        ({"LOGFIRE_TOKEN": "pylf_v1_eu_abc", "LOGFIRE_BASE_URL": "https://x"}, "https://x"),
        ({"LOGFIRE_TOKEN": "of-old"}, ""),
    ):
        assert completed(given)["LOGFIRE_BASE_URL"] == address
    assert completed({})["COLLECTOR_STORAGE"].endswith("collector-queues")
    assert completed(STORAGE)["COLLECTOR_STORAGE"] == STORAGE["COLLECTOR_STORAGE"]


def test_what_is_there_is_enough() -> None:
    """The base first, then the destination: the later one says where to."""
    arguments = configuration("otlp", {**STORAGE, "DEST_ENDPOINT": "https://otlp.example.org"})
    assert arguments == [f"--config={BASE}", f"--config={ROOT / 'collector' / 'otlp.yaml'}"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "usage: make collector DEST=files|logfire|otlp|viewer"),
        (["tempo"], "DEST is 'tempo': wanted one of files, logfire, otlp, viewer"),
        (["otlp"], "DEST=otlp needs DEST_ENDPOINT"),
    ],
)
def test_the_command_says_so(arguments: list[str], said: str) -> None:
    """Before it looks for the program, which may take minutes to build."""
    done = subprocess.run(
        [sys.executable, "-m", "collector", *arguments],
        env=clean_environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    assert said in done.stderr
