"""The wheel, in an environment that has nothing else, with a Python that is not this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.support.environment import clean_environment
from tests.support.rootfs import SUITE, debian, machine_variables
from tests.support.venvs import build_wheel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(1800)]

# Another of Debian's suites has a newer one, on the days on which it can be installed: `sid`.
SUITES = os.environ.get("DEBIAN_SUITES", SUITE).split()
EXTRAS = "datasette,django,grpc,logfire,prometheus,sentry"
SCRIPT = """
import asyncio, sys, warnings
from importlib.metadata import entry_points

warnings.simplefilter("error")
import telemetry

telemetry.configure(default_service_name="script")

from django.conf import settings

settings.configure(ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"], SECRET_KEY="x")

import httpx
from datasette.app import Datasette
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path

async def page(request):
    answer = await Datasette(memory=True).client.get("/_memory.json?sql=select+1")
    return HttpResponse(str(answer.status_code))

urlpatterns = [path("page/", page)]
telemetry.instrument()
application = telemetry.asgi_wrapper(get_asgi_application())

async def visit():
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
        return await client.get("/page/")

assert asyncio.run(visit()).status_code == 200
for group in ("traces_sampler", "distro", "configurator", "instrumentor", "traces_exporter"):
    found = entry_points(group=f"opentelemetry_{group}")
    assert any(entry.value.startswith("telemetry.") for entry in found), group
print("%d.%d" % sys.version_info[:2], telemetry.__version__)
"""


@pytest.fixture(scope="module", params=SUITES)
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Debian with the wheel and all of its extras in an environment at /venv."""
    root = tmp_path_factory.mktemp("newest") / "root"
    subprocess.run(["cp", "-a", "--reflink=auto", debian(request.param), root], check=True)
    wheel = build_wheel(tmp_path_factory.mktemp("wheel"))
    shutil.copy(wheel, root / wheel.name)
    run(root, "python3", "-m", "venv", "/venv")
    run(root, "/venv/bin/pip", "install", "--quiet", f"/{wheel.name}[{EXTRAS}]", "httpx")
    return root


def run(root: Path, *command: str, **variables: str) -> str:
    """Run it in there."""
    done = subprocess.run(
        ["chroot", root, *command],
        env=clean_environment({"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": "/root"}, **variables)
        | machine_variables(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_works_with_everything(root: Path) -> None:
    """All extras agree with each other, and a request of Django's to Datasette is one trace."""
    assert "No broken requirements found" in run(root, "/venv/bin/pip", "check")
    with OTLPReceiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        version = run(root, "/venv/bin/python3", "-c", SCRIPT, **variables)
    assert tuple(map(int, version.split()[0].split("."))) > sys.version_info[:2]
    [server] = [span for span in receiver.spans if span.kind == "SERVER"]
    assert server.name == "GET /page/"
    # Datasette's, of its start and of the page that Django asked of it.
    assert "corkboard.queries.count" in server.attributes


def test_the_commands_are_there(root: Path) -> None:
    """Without a checkout."""
    with OTLPReceiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        said = run(root, "/venv/bin/python3", "-m", "telemetry", "check", **variables)
    assert said.count("arrived  ") == 3
