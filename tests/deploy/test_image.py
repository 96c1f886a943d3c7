"""What the Dockerfile makes, and how it runs: as somebody who may write nothing but its data."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.deploy.colours import Colour
from tests.deploy.conftest import RELEASE
from tests.end_to_end.hosts import Host
from tests.support import web
from tests.support.container import Volumes, serve_container
from tests.support.processes import HOST, accepts_connections, free_port
from tests.support.rootfs import SUITE, machine_variables

if TYPE_CHECKING:
    from tests.support.dockerfile import Build, Image

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(1800)]

# So long that what arrives was sent because the server stopped.
NEVER = {
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_BLRP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
}


@pytest.fixture
def container(image: Image, tmp_path: Path) -> Colour:
    """With empty volumes of the test's own."""
    return Colour(image, Volumes.in_folder(tmp_path, image))


def test_it_serves_and_ends_as_it_is_told(container: Colour, host_env: dict[str, str]) -> None:
    """From an empty volume: migrated, with a site, its release in every signal, nothing lost."""
    host = Host.of(host_env)
    sites = container.volumes.data / "sites"
    shutil.copytree(Path(host_env["SITES_DIR"]) / host.site, sites / host.site)
    with OTLPReceiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **NEVER}
        with container.serve(variables) as running:
            register = ["register_site", host.site, "--name", "X", "--state", "CA"]
            registered = container.run(variables, "python3", "manage.py", *register)
            assert registered.returncode == 0, registered.stderr
            assert container.get("/").status_code == 200
            table = container.get("/meetings/minutes", f"{host.site}.civic.band")
            assert table.status_code == 200
            process = Path(f"/proc/{running.first}")
            assert b"gunicorn" in (process / "cmdline").read_bytes()
            assert process.stat().st_uid == 10001
            assert receiver.spans == []
            assert running.stop() == 0
        lines = [json.loads(line) for line in running.program.stdout().splitlines()]
    routes = {span.attributes.get("http.route") for span in receiver.spans if span.kind == "SERVER"}
    assert {"/", "/{database}/{table}"} <= routes
    assert {span.resource["service.version"] for span in receiver.spans} == {RELEASE}
    assert {point.resource["service.version"] for point in receiver.metrics} == {RELEASE}
    assert {log.resource["service.version"] for log in receiver.logs} == {RELEASE}
    access = [line for line in lines if line["logger"] == "telemetry.access"]
    assert {line["service.version"] for line in access} == {RELEASE}
    assert {line["corkboard.site"] for line in access if "corkboard.site" in line} == {host.site}
    assert "Traceback" not in running.program.output()


def test_what_stands_for_its_base_is_alike(build: Build, container: Colour) -> None:
    """The same Debian, and the same Python."""
    [base] = set(build.bases)
    version = container.run({}, "python3", "--version").stdout.removeprefix("Python ")
    assert base == f"python:{version.rpartition('.')[0]}-slim-{SUITE}"


def test_static_files_are_collected_and_compressed(container: Colour) -> None:
    """The admin's and our own."""
    with container.serve():
        for path in ("/static/admin/css/base.css", "/static/sites/pages.css"):
            plain = container.get(path, **{"accept-encoding": "identity"})
            small = container.get(path, **{"accept-encoding": "gzip"})
            assert plain.status_code == small.status_code == 200
            assert "content-encoding" not in plain.headers
            assert small.headers["content-encoding"] == "gzip"
            assert small.text == plain.text


def test_the_health_check_can_fail(container: Colour) -> None:
    """Where nobody answers, and where the sites' folder is gone."""
    assert container.healthy().returncode == 1
    with container.serve():
        data = container.volumes.data
        (data / "sites").rename(data / "elsewhere")
        found = container.healthy()
        assert found.returncode == 1
        assert "sites" in found.stdout


def test_it_may_write_nothing_of_its_own(container: Colour) -> None:
    """By the owners and modes of the image, before any read-only file system."""
    root = container.image.root
    user = int(container.image.user.split(":")[0])
    for top in ("app", "venv", ".release"):
        for path in [root / top, *(root / top).rglob("*")]:
            if not path.is_symlink():
                mode = path.stat()
                assert mode.st_uid != user, path
                assert not mode.st_mode & 0o022, path
    found = container.run({}, "sh", "-c", "id -u; touch /data/x /cache/x /tmp/x && echo written")
    assert found.stdout.split() == [str(user), "written"]


def test_it_is_small(image: Image) -> None:
    """What it adds to its base, as docs/rollout.md says."""
    files = [
        path
        for top in ("app", "venv")
        for path in (image.root / top).rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    print(f"{megabytes:.0f} MB in {len(files)} files")
    assert megabytes < 200


@pytest.mark.parametrize("arguments", [{}, {"RELEASE_SHA": ""}])
def test_without_a_release_it_is_development(
    build: Build, container: Colour, arguments: dict[str, str]
) -> None:
    """Not empty, and nobody's guess."""
    ask = ("python3", "-m", "telemetry", "config", "--json")
    assert RELEASE in container.run({}, *ask).stdout
    again = build.run_again(container.image, arguments)
    try:
        found = Colour(again, container.volumes).run({}, *ask)
        assert found.returncode == 0, found.stderr
        assert '"development"' in found.stdout
    finally:
        subprocess.run(["rm", "-rf", again.root], check=True)


def test_a_missing_secret_key_is_named(container: Colour) -> None:
    """It ends at once, with what is wanted."""
    variables = container.variables({"SECRET_KEY": ""})
    with serve_container(container.image, container.volumes, variables) as running:
        assert running.program.stop(signal.SIGCONT) != 0
    assert "SECRET_KEY is not set: wanted" in running.program.output()


def test_the_viewer_runs_in_it(container: Colour) -> None:
    """In an environment that it makes in its volume."""
    port = free_port()
    command = ("python3", "-m", "telemetry", "viewer", "--port", str(port))
    variables = container.variables(machine_variables())
    with serve_container(container.image, container.volumes, variables, *command) as running:
        running.program.wait_until(lambda: accepts_connections(port), timeout=180)
        assert web.get(f"http://{HOST}:{port}/").status_code == 200
