"""What an index checks, and the page that it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.environment import clean_environment
from tests.support.venvs import venv_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.adoption

TOOLS = ("twine==7.0.0", "readme-renderer[md]==46.0")
RENDER = """
import sys
from email import message_from_string
from readme_renderer import markdown
print(markdown.render(message_from_string(sys.stdin.read()).get_payload()))
"""


def run(*command: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with text on its standard input."""
    return subprocess.run(
        command, env=clean_environment(), input=text, capture_output=True, text=True, timeout=120
    )


def test_twine_accepts_both_files(dist: Path) -> None:
    """Strictly: a warning is an error."""
    twine = venv_of(TOOLS).with_name("twine")
    done = run(twine, "check", "--strict", *sorted(dist.iterdir()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_page_is_rendered(dist: Path, tmp_path: Path) -> None:
    """Tables, code and headings; no link leads to a folder that an index does not have."""
    [wheel] = dist.glob("*.whl")
    unpacked = subprocess.run(
        [sys.executable, "-m", "zipfile", "-e", wheel, tmp_path], capture_output=True, timeout=60
    )
    assert unpacked.returncode == 0
    [metadata] = tmp_path.glob("*.dist-info/METADATA")
    done = run(venv_of(TOOLS), "-c", RENDER, text=metadata.read_text("utf-8"))
    page = done.stdout
    assert done.returncode == 0, done.stderr
    assert re.search(r"<h1[^>]*>corkboard-telemetry<", page)
    assert page.count("<h2") >= 5
    assert "<table>" in page
    # A heading or a table that is not one is shown as it was typed.
    assert re.findall(r"^(?:#+ |\|).*$", page, re.MULTILINE) == []
    targets = re.findall(r'(?:href|src)="([^"]*)"', page)
    # The renderer gives each heading an address.
    others = [each for each in targets if not each.startswith("#user-content-")]
    absolute = ("https://", "http://127.0.0.1:", "http://localhost:")
    assert [target for target in others if not target.startswith(absolute)] == []
    assert "&lt;!--" not in page
