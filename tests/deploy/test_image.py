"""What the Dockerfile makes, and how it runs: as somebody who may write nothing but its data."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from telemetry.testing import OTLPReceiver
from tests.deploy.conftest import RELEASE
from tests.end_to_end.hosts import Host
from tests.support.container import Volumes, run_in_container, serve_container
from tests.support.processes import HOST, accepts_connections, free_port
from tests.support.rootfs import SUITE, machine_variables

if TYPE_CHECKING:
    from tests.support.container import Container
    from tests.support.dockerfile import Build, Image

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(1800)]

# So long that what arrives was sent because the server stopped.
NEVER = {
    "OTEL_BSP_SCHEDULE_DELAY": "60000",
    "OTEL_BLRP_SCHEDULE_DELAY": "60000",
    "OTEL_METRIC_EXPORT_INTERVAL": "60000",
}


@pytest.fixture
def volumes(image: Image, tmp_path: Path) -> Volumes:
    """Empty ones of the test's own."""
    return Volumes.in_folder(tmp_path, image)


@pytest.fixture
def told() -> dict[str, str]:
    """What an operator says; besides, where it may listen on this machine."""
    port = free_port()
    return {
        "SECRET_KEY": "for-this-test-only",
        "PORT": str(port),
        # The image listens on all of a container's addresses; here it would be this machine's.
        "GUNICORN_CMD_ARGS": f"--bind {HOST}:{port}",
        "FORWARDED_ALLOW_IPS": HOST,
    }


def ask(told: dict[str, str], path: str, host: str = "civic.band", **more: str) -> httpx.Response:
    """As the proxy does that has ended TLS."""
    headers = {"host": host, "x-forwarded-proto": "https", **more}
    return httpx.get(f"http://{HOST}:{told['PORT']}{path}", headers=headers, trust_env=False)


def wait_until_healthy(
    container: Container, image: Image, volumes: Volumes, told: dict[str, str]
) -> None:
    """As an engine asks: by the image's own check, in the container."""
    container.program.wait_until(
        lambda: run_in_container(image, volumes, told, *image.health).returncode == 0, timeout=60
    )


def test_it_serves_and_ends_as_it_is_told(
    image: Image, volumes: Volumes, told: dict[str, str], host_env: dict[str, str]
) -> None:
    """From an empty volume: migrated, with a site, its release in every signal, nothing lost."""
    host = Host.of(host_env)
    shutil.copytree(Path(host_env["SITES_DIR"]) / host.site, volumes.data / "sites" / host.site)
    with OTLPReceiver() as receiver:
        told |= {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **NEVER}
        with serve_container(image, volumes, told) as container:
            wait_until_healthy(container, image, volumes, told)
            registered = run_in_container(
                image,
                volumes,
                told,
                *(
                    "python3",
                    "manage.py",
                    "register_site",
                    host.site,
                    "--name",
                    "X",
                    "--state",
                    "CA",
                ),
            )
            assert registered.returncode == 0, registered.stderr
            assert ask(told, "/").status_code == 200
            assert ask(told, "/meetings/minutes", f"{host.site}.civic.band").status_code == 200
            process = Path(f"/proc/{container.first}")
            assert b"gunicorn" in (process / "cmdline").read_bytes()
            assert process.stat().st_uid == 10001
            assert receiver.spans == []
            assert container.stop(timeout=15) == 0
        lines = [json.loads(line) for line in container.program.stdout().splitlines()]
    routes = {span.attributes.get("http.route") for span in receiver.spans if span.kind == "SERVER"}
    assert {"/", "/{database}/{table}"} <= routes
    for items in (receiver.spans, receiver.metrics, receiver.logs):
        assert {item.resource["service.version"] for item in items} == {RELEASE}
    access = [line for line in lines if line["logger"] == "telemetry.access"]
    assert {line["service.version"] for line in access} == {RELEASE}
    assert {line["corkboard.site"] for line in access if "corkboard.site" in line} == {host.site}
    assert "Traceback" not in container.program.output()


def test_what_stands_for_its_base_is_alike(build: Build, image: Image, volumes: Volumes) -> None:
    """The same Debian, and the same Python."""
    [base] = set(build.bases)
    found = run_in_container(image, volumes, {}, "python3", "--version")
    python = found.stdout.removeprefix("Python ").rpartition(".")[0]
    assert base == f"python:{python}-slim-{SUITE}"


def test_static_files_are_collected_and_compressed(
    image: Image, volumes: Volumes, told: dict[str, str]
) -> None:
    """The admin's and our own."""
    with serve_container(image, volumes, told) as container:
        wait_until_healthy(container, image, volumes, told)
        for path in ("/static/admin/css/base.css", "/static/sites/pages.css"):
            plain = ask(told, path, **{"accept-encoding": "identity"})
            small = ask(told, path, **{"accept-encoding": "gzip"})
            assert plain.status_code == small.status_code == 200
            assert "content-encoding" not in plain.headers
            assert small.headers["content-encoding"] == "gzip"
            assert small.text == plain.text


def test_the_health_check_can_fail(image: Image, volumes: Volumes, told: dict[str, str]) -> None:
    """Where nobody answers, and where the sites' folder is gone."""
    assert run_in_container(image, volumes, told, *image.health).returncode == 1
    with serve_container(image, volumes, told) as container:
        wait_until_healthy(container, image, volumes, told)
        (volumes.data / "sites").rename(volumes.data / "elsewhere")
        found = run_in_container(image, volumes, told, *image.health)
        assert found.returncode == 1
        assert "sites" in found.stdout


def test_it_may_write_nothing_of_its_own(
    image: Image, volumes: Volumes, told: dict[str, str]
) -> None:
    """By the image's own owners and modes, before any read-only file system."""
    user = int(image.user.split(":")[0])
    for top in ("app", "venv", ".release"):
        for path in [image.root / top, *(image.root / top).rglob("*")]:
            if not path.is_symlink():
                mode = path.stat()
                assert mode.st_uid != user, path
                assert not mode.st_mode & 0o022, path
    found = run_in_container(
        image, volumes, told, "sh", "-c", "id -u; touch /data/x /tmp/x && echo"
    )
    assert found.stdout.split() == ["10001"]


def test_without_a_release_it_is_development(
    build: Build, image: Image, volumes: Volumes, told: dict[str, str]
) -> None:
    """Not empty, and nobody's guess."""
    for arguments in ({}, {"RELEASE_SHA": ""}):
        again = build.run_again(image, arguments)
        try:
            found = run_in_container(
                again, volumes, told, "python3", "-m", "telemetry", "config", "--json"
            )
            assert found.returncode == 0, found.stderr
            assert '"development"' in found.stdout
        finally:
            subprocess.run(["rm", "-rf", again.root], check=True)
    found = run_in_container(image, volumes, told, "python3", "-m", "telemetry", "config", "--json")
    assert RELEASE in found.stdout


def test_a_missing_secret_key_is_named(
    image: Image, volumes: Volumes, told: dict[str, str]
) -> None:
    """It ends at once, with what is wanted."""
    del told["SECRET_KEY"]
    with serve_container(image, volumes, told) as container:
        assert container.program.stop(signal.SIGCONT, timeout=30) != 0
    assert "SECRET_KEY is not set: wanted" in container.program.output()


def test_the_viewer_runs_in_it(image: Image, volumes: Volumes, told: dict[str, str]) -> None:
    """In an environment that it makes in its volume."""
    port = free_port()
    command = ("python3", "-m", "telemetry", "viewer", "--port", str(port))
    with serve_container(image, volumes, {**told, **machine_variables()}, *command) as container:
        container.program.wait_until(lambda: accepts_connections(port), timeout=180)
        assert httpx.get(f"http://{HOST}:{port}/", trust_env=False).status_code == 200
