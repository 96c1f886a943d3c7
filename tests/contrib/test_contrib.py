"""Contrib's own tests of its ASGI and Django instrumentations, run against ours.

Those that fail are listed in ``differences.toml``, each with its reason. Another one that fails is
an error, and so is a listed one that passes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.contrib.sources import LIBRARY, contribs_tests
from tests.support.environment import clean_environment

pytestmark = pytest.mark.contrib

HERE = Path(__file__).parent
# Each in a process of its own, since they configure Django; and how many tests it has at least.
FILES = [
    ("asgi", "test_asgi_middleware", 60),
    ("asgi", "test_asgi_custom_headers", 20),
    ("django", "test_middleware", 40),
    ("django", "test_middleware_asgi", 25),
    ("django", "test_sqlcommenter", 4),
]


def outcomes(folder: Path, package: str, file: str, written: Path, **more: str) -> dict[str, bool]:
    """Whether each test passes, by its name."""
    environment = {
        "CONTRIB_PACKAGE": package,
        "CONTRIB_OUTCOMES": str(written),
        "PYTHONPATH": os.pathsep.join((str(HERE), str(folder / LIBRARY))),
    }
    plugins = ("adapter", "no:corkboard_telemetry", "no:logfire", "no:cacheprovider", "no:xdist")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--tb=short", "-c", os.devnull),
            *(argument for plugin in plugins for argument in ("-p", plugin)),
            *("--rootdir", str(folder), f"tests/{file}.py"),
        ],
        cwd=folder,
        env=clean_environment(**environment, **more),
        capture_output=True,
        text=True,
        timeout=300,
    )
    # Tests have passed or failed, and nothing else has happened.
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = json.loads(written.read_text())
    return {
        f"{package}/{name.removeprefix('tests/').replace('.py', '')}": outcome == "passed"
        for name, outcome in found.items()
    }


def listed(package: str, file: str) -> dict[str, str]:
    """The reason of each difference of a file, by the name of the test."""
    groups = tomllib.loads((HERE / "differences.toml").read_text())["difference"]
    found: dict[str, str] = {}
    for group in groups:
        assert group["reason"]
        for name in group["tests"]:
            assert name not in found, f"{name} is listed twice"
            found[name] = group["reason"]
    return {name: each for name, each in found.items() if name.startswith(f"{package}/{file}::")}


@pytest.mark.parametrize(("package", "file", "enough"), FILES)
def test_contribs_tests_pass_but_for_what_is_listed(
    tmp_path: Path, package: str, file: str, enough: int
) -> None:
    """Those that contrib itself passes when the file is run alone."""
    folder = contribs_tests(package)
    theirs = outcomes(folder, package, file, tmp_path / "theirs", CONTRIB_ITSELF="1")
    ours = outcomes(folder, package, file, tmp_path / "ours")
    wanted = listed(package, file)
    if any(not has_passed for name, has_passed in ours.items() if name not in wanted):
        # Some compare durations, which a busy machine makes longer.
        again = outcomes(folder, package, file, tmp_path / "ours")
        ours = {name: has_passed or again[name] for name, has_passed in ours.items()}
    assert theirs.keys() == ours.keys()
    compared = {name for name, has_passed in theirs.items() if has_passed}
    assert len(compared) >= enough
    failed = {name for name in compared if not ours[name]}
    assert wanted.keys() <= ours.keys(), "these are listed, and are not there"
    assert sorted(failed - wanted.keys()) == [], "these differ, and no reason is listed"
    assert sorted((wanted.keys() & compared) - failed) == [], "these are listed, and do not differ"
