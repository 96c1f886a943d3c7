"""The arrows between folders, and what must never be written down here.

Each rule is also run on a planted violation: a check that can't fail proves
nothing.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.paths import ROOT
from tests.support.structure import (
    forbidden_imports,
    lines_that_match,
    long_files,
    python_files,
)

if TYPE_CHECKING:
    from pathlib import Path

FRAMEWORKS = {"django", "datasette", "djp"}
HOST = {"config", "django_plugins", "tests", "benchmarks"}
# Forbidden words are put together here, or this file would be the first to
# break its rules.
MOCK = "mo" + "ck"
MOCKS = {f"unittest.{MOCK}", MOCK, f"pytest_{MOCK}"}
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("python" + "hosted", "org"),
            ("registry", "npmjs"),
            ("proxy", "golang"),
            ("deb", "debian"),
        )
    )
)
# A home, a temporary or a working folder of one machine. Paths inside a
# container image (/app, /etc) are part of the product.
MACHINE = re.compile(r"(?<![\w.$}])/(?:home|root|Users|work|workspace|mnt)/[\w.-]+")


def text_files(root: Path) -> list[Path]:
    """Give what git has or would add, which leaves out caches and environments."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (root / name for name in listed.stdout.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def plant(root: Path, path: str, text: str) -> list[Path]:
    """Write one file and give it as a list."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return [target]


def test_the_layer_knows_nothing_of_the_host() -> None:
    """Not even inside a function: it is installed where the host is not."""
    files = python_files(ROOT, "telemetry")
    assert files
    assert forbidden_imports(ROOT, files, HOST, everywhere=True) == []


def test_frameworks_are_imported_by_what_is_theirs_or_in_functions() -> None:
    """`import telemetry` has to work without either framework."""
    layer = ROOT / "telemetry"
    # Of the two others, one is Django's own to import, and one has an environment of its own.
    theirs = [layer / "instrumentors", layer / "system_checks", layer / "viewer" / "server"]
    files = [
        path
        for path in python_files(ROOT, "telemetry")
        if not any(path.is_relative_to(folder) for folder in theirs)
    ]
    assert files
    assert forbidden_imports(ROOT, files, FRAMEWORKS, everywhere=False) == []


def test_the_host_does_not_import_tests() -> None:
    """What production runs does not need what only a checkout has."""
    files = python_files(ROOT, "config", "django_plugins")
    assert files
    assert forbidden_imports(ROOT, files, {"tests", "benchmarks"}, everywhere=True) == []


def test_files_are_short() -> None:
    """One idea a file."""
    assert long_files(ROOT, python_files(ROOT, "telemetry", "config", "django_plugins")) == []


def test_tests_use_the_real_thing() -> None:
    """No mocks."""
    assert forbidden_imports(ROOT, python_files(ROOT, "tests"), MOCKS, everywhere=True) == []


def test_no_registry_and_no_machine_is_named() -> None:
    """The repository works wherever it is cloned, with whatever index is configured."""
    files = text_files(ROOT)
    assert files
    assert lines_that_match(ROOT, files, REGISTRIES) == []
    # The image's recipe names folders of the image, root's own among them.
    outside = [path for path in files if path.name != "Dockerfile"]
    assert lines_that_match(ROOT, outside, MACHINE) == []
    # This very checkout, wherever it is.
    assert lines_that_match(ROOT, files, re.compile(re.escape(str(ROOT)))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import config.settings",
        "from config import settings",
        "def late():\n    import config",
        "class A:\n    from config.sites import models",
    ],
)
def test_an_arrow_against_the_rule_is_found(tmp_path: Path, text: str) -> None:
    """In any form an import can take."""
    files = plant(tmp_path, "telemetry/x.py", text)
    [found] = forbidden_imports(tmp_path, files, {"config"}, everywhere=True)
    assert found.startswith("telemetry/x.py:")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import django", True),
        ("try:\n    from django.conf import settings\nexcept ImportError:\n    pass", True),
        ("if True:\n    import datasette.app", True),
        ("class A:\n    import django", True),
        ("def late():\n    import django", False),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import django", False),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import django", True),
        ("from telemetry.instrumentors import django", False),
        ("import django_htmx", False),
    ],
)
def test_a_framework_at_import_time_is_found(tmp_path: Path, text: str, found: bool) -> None:
    """What runs at import counts, what runs later or never does not."""
    files = plant(tmp_path, "telemetry/x.py", text)
    assert bool(forbidden_imports(tmp_path, files, FRAMEWORKS, everywhere=False)) is found


def test_a_mock_is_found(tmp_path: Path) -> None:
    """Both spellings."""
    for text in (f"from unittest import {MOCK}", f"from unittest.{MOCK} import patch"):
        files = plant(tmp_path, "tests/x.py", text)
        assert forbidden_imports(tmp_path, files, MOCKS, everywhere=True)


def test_a_long_file_is_found(tmp_path: Path) -> None:
    """One line over the limit is enough, and the limit itself is not."""
    assert long_files(tmp_path, plant(tmp_path, "a.py", "x\n" * 301)) == ["a.py has 301 lines"]
    assert long_files(tmp_path, plant(tmp_path, "a.py", "x\n" * 300)) == []


def test_a_registry_or_a_machine_is_found(tmp_path: Path) -> None:
    """In any text file; bytes that are not text are passed over."""
    index = "--index-url https://" + ".".join(("pypi", "org")) + "/simple"
    assert lines_that_match(tmp_path, plant(tmp_path, "r.txt", index), REGISTRIES)
    for home in ("home", "root", "work"):
        files = plant(tmp_path, "r.txt", f"cd /{home}/somebody")
        assert lines_that_match(tmp_path, files, MACHINE)
    for innocent in ("$BASE/home/x", "https://example.org/home/page", "/app/config"):
        files = plant(tmp_path, "r.txt", innocent)
        assert lines_that_match(tmp_path, files, MACHINE) == []
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    assert lines_that_match(tmp_path, [tmp_path / "picture.png"], MACHINE) == []
