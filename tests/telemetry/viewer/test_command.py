"""The command, from the outside."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from telemetry.viewer.addresses import announcement
from telemetry.viewer.command import viewer_command, viewer_environment
from telemetry.viewer.environment import make_environment
from tests.support.commands import telemetry_command
from tests.support.paths import ROOT
from tests.support.processes import HOST

if TYPE_CHECKING:
    from pathlib import Path


def _viewer(*arguments: str) -> subprocess.CompletedProcess[str]:
    return telemetry_command("viewer", *arguments)


def test_a_port_that_is_taken_is_named() -> None:
    """And how to choose another, and where to send then."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _viewer("--port", str(port))
    assert done.returncode == 2
    assert re.fullmatch(
        rf"viewer: can't listen on 127\.0\.0\.1 port {port}: Address already in use\. .* "
        r"--port (\d+), and OTEL_EXPORTER_OTLP_ENDPOINT=http://127\.0\.0\.1:\1\.\n",
        done.stderr,
    )


@pytest.mark.parametrize("port", ["0", "65536"])
def test_what_is_no_port_is_refused(port: str) -> None:
    """Naming what was wanted."""
    done = _viewer("--port", port)
    assert done.returncode == 2
    assert f"--port is {port}: wanted a port between 1 and 65535" in done.stderr


@pytest.mark.parametrize(
    ("host", "warned"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.0.2.7", True),
        ("db.example", True),
    ],
)
def test_it_says_when_others_can_reach_it(host: str, warned: bool) -> None:
    """And gives an address that can be opened here."""
    first, second, *warning = announcement(host, 4318)
    assert first.startswith("Viewer: http://")
    assert "0.0.0.0" not in first + second
    assert bool(warning) is warned


def test_an_environment_that_can_t_be_made_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves nothing half-made behind."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    said: list[str] = []
    with pytest.raises(OSError, match="its environment can't be made in"):
        make_environment(said.append, tmp_path / "environments")
    assert said == ["Making the viewer's environment, once ..."]
    assert [path.suffix for path in (tmp_path / "environments").iterdir()] == [".lock"]


def test_it_has_nothing_of_the_application_s() -> None:
    """Its own packages, this one by its place, and no variable that would have it send."""
    code = (
        "import runpy, sys;"
        f"runpy.run_path({str(ROOT / 'telemetry' / 'viewer' / 'within.py')!r})['_load_package']();"
        "import telemetry.viewer.server, datasette_otel_viewer, datasette;"
        "print(telemetry.__file__, datasette.__file__, *sys.path, sep='\\n')"
    )
    python = viewer_command(print)[0]
    found = subprocess.run(
        [python, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=300
    ).stdout.splitlines()
    assert found[0] == str(ROOT / "telemetry" / "__init__.py")
    assert not any(str(ROOT) in line for line in found[1:])
    assert not [name for name in viewer_environment() if name.startswith(("OTEL_", "PYTHON"))]
    assert viewer_environment()["PATH"] == os.environ["PATH"]
