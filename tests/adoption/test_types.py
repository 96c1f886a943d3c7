"""Type checkers accept a host that uses the public interface, and find its mistakes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.api.public import PACKAGE
from tests.support.environment import clean_environment
from tests.support.venvs import venv_with

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.adoption

HOST = Path(__file__).parent / "hosts" / "typed_host.py"
# Pyright's npm package is fetched by its package on PyPI, with a node that is installed or not.
TOOLS = (
    "mypy==2.4.1",
    "pyright[nodejs]==1.1.414",
    "opentelemetry-exporter-otlp-proto-http>=1.45.2,<1.46",
)
MISTAKES = (
    "telemetry.set_site(3)",
    "telemetry.set_outcome('found')",
    "telemetry.asgi_wrapper('my_host.asgi')",
    "telemetry.configure(service_name='x')",
    "telemetry.redact(names=[3])",
    "telemetry.request_record().site",
    "telemetry.absent()",
    "telemetry.flush('5s')",
)


def mypy(folder: Path, name: str) -> list[int]:
    """The lines of a file that mypy, in its strict mode, finds an error in."""
    command: list[str | Path] = [python(), "-m", "mypy", "--strict", "--output=json", name]
    output = run(folder, command)
    return [json.loads(line)["line"] for line in output.splitlines() if '"error"' in line]


def pyright(folder: Path, name: str) -> list[int]:
    """The lines of a file that Pyright, in its strict mode, finds an error in."""
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    command: list[str | Path] = [
        python(),
        "-m",
        "pyright",
        "--outputjson",
        "--pythonpath",
        python(),
        name,
    ]
    found = json.loads(run(folder, command))["generalDiagnostics"]
    return [
        each["range"]["start"]["line"] + 1
        for each in found
        if each["severity"] in ("error", "warning")
    ]


CHECKERS = pytest.mark.parametrize("checker", [mypy, pyright])


def python() -> Path:
    """The interpreter of an environment with the wheel and both checkers."""
    return venv_with(TOOLS)


def run(folder: Path, command: list[str | Path]) -> str:
    """Run a checker, and give what it prints."""
    done = subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@CHECKERS
def test_a_host_has_no_errors(checker: Callable[[Path, str], list[int]], tmp_path: Path) -> None:
    """By the wheel's own types: the checker would complain of a package without `py.typed`."""
    shutil.copy(HOST, tmp_path)
    assert checker(tmp_path, HOST.name) == []


@CHECKERS
def test_mistakes_are_found(checker: Callable[[Path, str], list[int]], tmp_path: Path) -> None:
    """Each of them: no name is of type Any by accident."""
    lines = ["import telemetry", *MISTAKES]
    (tmp_path / "mistaken.py").write_text("\n".join(lines) + "\n")
    found = set(checker(tmp_path, "mistaken.py"))
    assert [lines[line - 1] for line in sorted(found)] == list(MISTAKES)


def test_the_host_uses_each_public_name() -> None:
    """One that is new has to be added."""
    text = HOST.read_text()
    assert [name for name in PACKAGE if f"telemetry.{name}" not in text] == []
