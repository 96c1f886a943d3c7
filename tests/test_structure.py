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
    against_the_order,
    environment_reads,
    forbidden_imports,
    lines_that_match,
    python_files,
)

if TYPE_CHECKING:
    from pathlib import Path

FRAMEWORKS = {"django", "datasette", "djp"}
# From the top down: a room imports from those below it, and from its own tier without a circle.
TIERS = (
    ("", "__main__", "commands", "distro", "pytest_plugin", "system_checks", "testing", "viewer"),
    ("configuration",),
    ("pipeline",),
    ("asgi", "datasette", "django", "logfire"),
    ("errors", "logs", "metrics", "processes", "traces"),
    ("export",),
    ("redaction",),
    ("header_values", "request", "settings"),
    ("registry",),
    (
        *(
            "cache",
            "exceptions",
            "failsafe",
            "forks",
            "frames",
            "hosts",
            "private_api",
            "scope",
            "state",
            "terminal",
            "tracebacks",
        ),
        "version",
    ),
)
# What is read outside `telemetry/settings`, and is no setting of telemetry's.
READ_ELSEWHERE = (
    # Django reads it when its settings are first used, and telemetry asks whether that can be.
    *(2 * ("os.environ.get(SETTINGS_VARIABLE, '')",)),
    "os.environ.get('DJANGO_SETTINGS_MODULE', '')",
    # Where the XDG Base Directory Specification puts the caches of the viewer and the collector.
    "os.environ.get('XDG_CACHE_HOME')",
    # `manage.py serve` reads by the declarations of `config.variables` what it starts servers with.
    "os.environ.get(variable)",
    "os.environ.get(str(variable))",
)
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
    theirs = [
        layer / "datasette" / "plugin",
        layer / "django",
        layer / "system_checks",
        layer / "viewer" / "server",
    ]
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


def test_imports_go_down_the_tiers() -> None:
    """Those within functions and under `TYPE_CHECKING` too; and nothing imports in a circle."""
    files = python_files(ROOT, "telemetry")
    assert against_the_order(ROOT, files, TIERS) == []
    # None is named that isn't there.
    rooms = {path.relative_to(ROOT / "telemetry").parts[0].removesuffix(".py") for path in files}
    assert {room for rooms in TIERS for room in rooms} == (rooms - {"__init__"}) | {""}


def test_the_environment_is_read_in_one_place() -> None:
    """By name, that is: the others hand all of it on, to that place or to another process."""
    read = (ROOT / "telemetry" / "settings", ROOT / "telemetry" / "testing")
    files = [
        path
        for path in python_files(ROOT, "telemetry", "config", "django_plugins")
        if not any(path.is_relative_to(folder) for folder in read)
    ]
    assert files
    found = [line.partition(": ")[2] for line in environment_reads(ROOT, files)]
    assert sorted(found) == sorted(READ_ELSEWHERE)


READS = (
    "import os\ndsn = os.environ.get('SENTRY_DSN')",
    "import os\ndsn = os.environ['SENTRY_DSN']",
    "import os\ndsn = os.environ.pop('SENTRY_DSN')",
    "import os\ndsn = os.getenv('SENTRY_DSN')",
    "import os\nset = 'SENTRY_DSN' in os.environ",
    "import os\nenviron = os.environ",
    "import os\nif environ := os.environ: ...",
    "from os import environ",
    "from os import getenv as read",
)
NO_READS = (
    "import os\nread_settings(os.environ, debug=True)",
    "import os\nrun(env={**os.environ, 'A': '1'})",
    "import os\nos.environ['A'] = '1'\nos.environ.setdefault('A', '1')",
    "import os\n{n: v for n, v in os.environ.items()}",
    "from os import path",
)


@pytest.mark.parametrize("text", READS)
def test_a_variable_that_is_read_elsewhere_is_found(tmp_path: Path, text: str) -> None:
    """In any form, and under another name."""
    assert len(environment_reads(tmp_path, plant(tmp_path, "telemetry/x.py", text))) == 1


@pytest.mark.parametrize("text", NO_READS)
def test_handing_the_environment_on_is_no_read(tmp_path: Path, text: str) -> None:
    """Nor is writing to it."""
    assert environment_reads(tmp_path, plant(tmp_path, "telemetry/x.py", text)) == []


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
        ("from telemetry.x import django", False),
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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from telemetry.top import a", "above it"),
        ("from telemetry import top", "above it"),
        ("import telemetry.top", "above it"),
        ("def late():\n    from telemetry.top import a", "above it"),
        ("class A:\n    import telemetry.top", "above it"),
        ("if TYPE_CHECKING:\n    import telemetry.top", "above it"),
        ("from telemetry.beside import a", "is a circle"),
        ("from telemetry.low import a", None),
    ],
)
def test_an_import_against_the_tiers_is_found(tmp_path: Path, text: str, found: str | None) -> None:
    """Wherever it stands, and by whichever form."""
    files = [
        *plant(tmp_path, "telemetry/top/__init__.py", "from telemetry.low import a"),
        *plant(tmp_path, "telemetry/room/x.py", text),
        *plant(tmp_path, "telemetry/room/__init__.py", ""),
        *plant(tmp_path, "telemetry/beside.py", "from telemetry.room import x"),
        *plant(tmp_path, "telemetry/low.py", ""),
    ]
    tiers = (("top",), ("room", "beside"), ("low",))
    problems = against_the_order(tmp_path, files, tiers)
    assert [problem for problem in problems if found and found in problem] == problems
    assert bool(problems) is bool(found)


def test_a_circle_of_modules_is_found(tmp_path: Path) -> None:
    """Within one room too, and over several modules."""
    files = [
        *plant(tmp_path, "telemetry/room/a.py", "from telemetry.room import b"),
        *plant(tmp_path, "telemetry/room/b.py", "from telemetry.room.c import x"),
        *plant(
            tmp_path, "telemetry/room/c.py", "if TYPE_CHECKING:\n    from telemetry.room.a import x"
        ),
        *plant(tmp_path, "telemetry/room/__init__.py", ""),
    ]
    [problem] = against_the_order(tmp_path, files, (("room",),))
    assert "is a circle" in problem


def test_a_room_without_a_tier_is_found(tmp_path: Path) -> None:
    """A new folder has to be put into the order."""
    files = [
        *plant(tmp_path, "telemetry/new.py", "from telemetry.low import a"),
        *plant(tmp_path, "telemetry/low.py", ""),
    ]
    [problem] = against_the_order(tmp_path, files, (("low",),))
    assert "the room 'new' is in no tier" in problem


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
