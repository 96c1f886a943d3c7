"""Commands in hosts that have other packages than this repository's."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.support.environment import clean_environment
from tests.support.venvs import venv_with

if TYPE_CHECKING:
    from pathlib import Path

HOST = """
import telemetry

telemetry.configure(default_service_name="host")

async def respond(scope, receive, send):
    site = scope["path"].split("/")[1]
    if site == "alameda":
        telemetry.set_site(site)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})

def create_app():
    return telemetry.asgi_wrapper(respond)
"""
OLD_DATASETTE = """
import telemetry
telemetry.configure()
from datasette.app import Datasette
telemetry.instrument()
application = telemetry.asgi_wrapper(Datasette(memory=True).app())
"""


def _run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), "-m", "telemetry", *arguments],
        cwd=folder,
        env=clean_environment(OTEL_TRACES_EXPORTER="console"),
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_host_without_extras(tmp_path: Path) -> None:
    """It is a factory, names sites by the path, and has no package of Sentry's."""
    (tmp_path / "plain.py").write_text(HOST)
    python = venv_with(("uvicorn",))
    cost = _run(python, tmp_path, "cost", "plain:create_app()", "--page", "/alameda/minutes")
    assert cost.returncode == 0, cost.stderr
    assert "localhost/alameda/minutes" in cost.stdout
    lines = cost.stdout.splitlines()
    assert lines[lines.index("by site") + 1].split()[0] == "alameda"
    address = "http://localhost/alameda/"
    check = _run(python, tmp_path, "check", "--host", "plain:create_app()", "--site", address)
    assert check.returncode == 0, check.stdout + check.stderr
    assert "ok       site: localhost/alameda/ has the site alameda" in check.stdout


def test_a_release_of_datasette_that_is_too_old(tmp_path: Path) -> None:
    """It is served, and `check` says what is missing and which releases have it."""
    (tmp_path / "old.py").write_text(OLD_DATASETTE)
    python = venv_with(("datasette==0.65.5", "setuptools"))
    done = _run(python, tmp_path, "check", "--host", "old:application")
    assert done.returncode == 1, done.stderr
    said = " ".join(done.stdout.split())
    assert "WRONG instrumentors: datasette 0.65.5 is not instrumented" in said
    assert "Use datasette >= 1.0a28." in said
