"""Hosts adopt the package by the README alone, each in an environment of its own.

One of them installs with pip, as the README does. The others install the same with uv, which
takes a fraction of the time.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import telemetry
from telemetry.testing import OTLPReceiver
from tests.adoption.interpreters import RUNNING, interpreters, supported
from tests.documents.documents import blocks
from tests.support import web
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from telemetry.testing import ReceivedSpan

pytestmark = pytest.mark.adoption

README = list(blocks("README.md", (ROOT / "README.md").read_text("utf-8")))
INSTALL, INSTALL_PLAIN = (b.text.strip() for b in README if b.text.startswith("pip install"))
ASGI, ROUTER, ASGI_PLAIN = (block.text for block in README if block.language == "python")
COMMANDS = next(b.text for b in README if "telemetry check" in b.text)
UPSTREAM = ROOT / "tests" / "upstream" / "asgi.py"
SITE = {"Host": "alameda.ca.localhost"}

OWN_ROUTER = f"""
from datasette.app import Datasette

import telemetry


class Router:
    def __init__(self, django):
        self.django = django
        self.sites = {{"alameda.ca": Datasette(memory=True).app()}}

    async def __call__(self, scope, receive, send):
        host = dict(scope.get("headers", ())).get(b"host", b"").decode().partition(":")[0]
        site = host.removesuffix(".localhost")
        if scope["type"] != "http" or site not in self.sites:
            await self.django(scope, receive, send)
            return
        {ROUTER.strip()}
        await self.sites[site](scope, receive, send)
"""
STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def hello(request):
    return PlainTextResponse("hello")


app = Starlette(routes=[Route("/", hello)])
"""


def new_django(folder: Path, env: Mapping[str, str]) -> None:
    """A new project, as Django makes it, with a router of its own and the README's files."""
    run(["django-admin", "startproject", "my_host", "."], folder, env)
    (folder / "my_host" / "router.py").write_text(OWN_ROUTER)
    (folder / "my_host" / "asgi.py").write_text(ASGI)


def upstream(folder: Path, _env: Mapping[str, str]) -> None:
    """Upstream's shape: its lines of adoption are the README's calls."""
    text = UPSTREAM.read_text()
    for call in ("telemetry.configure(", "telemetry.instrument()", "telemetry.asgi_wrapper("):
        assert call in ASGI
        assert call in text
    assert ROUTER.partition("(")[0] in text
    (folder / "asgi.py").write_text(text)
    site = folder / "sites" / "alameda.ca"
    site.mkdir(parents=True)
    with closing(sqlite3.connect(site / "meetings.db")) as database:
        database.execute("create table minutes (text)")
        database.commit()


def starlette(folder: Path, _env: Mapping[str, str]) -> None:
    """A package with an application, and the README's file for hosts without Django."""
    (folder / "my_host").mkdir()
    (folder / "my_host" / "app.py").write_text(STARLETTE)
    (folder / "my_host" / "asgi.py").write_text(ASGI_PLAIN)


@dataclass(frozen=True)
class Host:
    """A host before the adoption, and what it is asked.

    Args:
        has: what its environment has before.
        install: the README's command.
        write: writes its files.
        app: the application, for uvicorn.
        spans: path, headers, and the name and site of the SERVER span, for each request.
        service: name of the service.
    """

    has: Sequence[str]
    install: str
    write: Callable[[Path, Mapping[str, str]], None]
    app: str
    spans: Sequence[tuple[str, Mapping[str, str], str, str | None]]
    service: str = "my-host"


HOSTS = {
    "django": Host(
        ("uvicorn",),
        INSTALL,
        new_django,
        "my_host.asgi:application",
        (("/", {}, "GET", None), ("/_memory", SITE, "GET /{database}", "alameda.ca")),
    ),
    "upstream": Host(
        ("datasette==1.0a28", "django>=5.2,<6", "djp", "sentry-sdk>=2.75", "uvicorn"),
        INSTALL,
        upstream,
        "asgi:application",
        (
            ("/", {}, "GET /", None),
            ("/meetings/minutes", SITE, "GET /{database}/{table}", "alameda.ca"),
        ),
        "upstream",
    ),
    "starlette": Host(
        ("starlette", "uvicorn"),
        INSTALL_PLAIN,
        starlette,
        "my_host.asgi:application",
        (("/", {}, "GET", None),),
    ),
}


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_adopts_it(name: str, index: str, tmp_path: Path) -> None:
    """With each supported Python that is installed; the test's name does not depend on which."""
    for version, python in interpreters().items():
        folder = tmp_path / version
        folder.mkdir()
        adopt(HOSTS[name], version, python, index, folder)


def adopt(host: Host, version: str, python: Path, index: str, tmp_path: Path) -> None:
    """By the README's commands and files: each request is one span, and the commands agree."""
    folder = tmp_path / "host"
    folder.mkdir()
    has_pip = host is HOSTS["django"] and version == RUNNING
    env = environment(tmp_path / "venv", python, index, has_pip=has_pip)
    installer = "pip install" if has_pip else "uv pip install"
    run([*installer.split(), *host.has], folder, env)
    before = installed(folder, env)
    run(["bash", "-euc", host.install.replace("pip install", installer, 1)], folder, env)
    after = installed(folder, env)
    assert after["corkboard-telemetry"] == telemetry.__version__
    # What the host is locked to stays as it was.
    assert {name: after[name] for name in before} == before
    host.write(folder, env)
    with OTLPReceiver() as receiver:
        env |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "TELEMETRY_SHUTDOWN_TIMEOUT": "20s",
            "SITES_DIR": str(folder / "sites"),
        }
        executable = Path(env["VIRTUAL_ENV"]) / "bin" / "python"
        with serve_uvicorn(host.app, env=env, cwd=folder, python=executable) as server:
            for path, headers, _, _ in host.spans:
                assert web.get(server.url + path, headers=headers).status_code == 200
            server.stop()
        servers = [span for span in receiver.spans if span.kind == "SERVER"]
        assert [named(span) for span in servers] == [(n, s) for _, _, n, s in host.spans]
        assert {span.resource["service.name"] for span in servers} == {host.service}
        assert any(p.name == "http.server.request.duration" for p in receiver.metrics)
        said = run(["bash", "-euc", COMMANDS], folder, env)
    assert "arrived" in said
    assert receiver.url in said


def test_what_is_there_is_tried() -> None:
    """At least the interpreter that runs this."""
    assert RUNNING in interpreters()
    assert supported() == ["3.11", "3.12", "3.13", "3.14"]


def named(span: ReceivedSpan) -> tuple[str, object]:
    """A span's name and site."""
    return span.name, span.attributes.get("corkboard.site")


def environment(venv: Path, python: Path, index: str, *, has_pip: bool) -> dict[str, str]:
    """Create an environment, and give the variables of a shell that has activated it."""
    if has_pip:
        subprocess.run([python, "-m", "venv", venv], check=True, timeout=120)
    else:
        create: list[str | Path] = [
            sys.executable,
            "-m",
            "uv",
            "--quiet",
            "venv",
            "--python",
            python,
            venv,
        ]
        subprocess.run(create, check=True, timeout=120)
    # The tests' uv, and nothing else of their environment.
    shutil.copy(Path(sys.executable).with_name("uv"), venv / "bin" / "uv")
    others = os.environ.get("PIP_EXTRA_INDEX_URL", ""), os.environ.get("UV_EXTRA_INDEX_URL", "")
    return clean_environment(
        PATH=f"{venv / 'bin'}:/usr/bin:/bin",
        VIRTUAL_ENV=str(venv),
        PYTHONPATH="",
        PIP_EXTRA_INDEX_URL=f"{index} {others[0]}".strip(),
        UV_EXTRA_INDEX_URL=f"{index} {others[1]}".strip(),
        UV_LINK_MODE="copy",
        NO_PROXY=f"127.0.0.1,{os.environ.get('NO_PROXY', '')}",
    )


def installed(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """The packages of an environment and their versions."""
    lines = run(["uv", "pip", "freeze"], folder, env).splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def run(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> str:
    """Run a command of the environment. Returns what it prints."""
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
    return done.stdout
