"""Blue and green: containers of an image, and the proxy before them as the runbook has it."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tests.documents.documents import blocks, with_ports
from tests.support import web
from tests.support.container import run_in_container, serve_container
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.processes import HOST, accepts_connections, free_port, program

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import httpx

    from tests.support.container import Container, Volumes
    from tests.support.dockerfile import Image

NOTHING: Mapping[str, str] = {}
RUNBOOK = ROOT / "docs" / "rollout.md"


class Colour:
    """One of the two: its port stays, its containers come and go."""

    def __init__(self, image: Image, volumes: Volumes) -> None:
        self.image = image
        self.volumes = volumes
        self.port = free_port()

    def variables(self, given: Mapping[str, str]) -> dict[str, str]:
        """What compose.yaml and the operator say, and where it may listen on this machine.

        In a container it listens on all addresses that it has; here these would be the machine's.
        """
        where = f"--bind {HOST}:{self.port}"
        ours = {"PORT": str(self.port), "GUNICORN_CMD_ARGS": where, "TRUSTED_PROXIES": "1"}
        return {**ours, "SECRET_KEY": "for-this-test-only", **given}

    @contextmanager
    def serve(self, given: Mapping[str, str] = NOTHING) -> Iterator[Container]:
        """Run a container until the block ends, from when its own health check is well."""
        variables = self.variables(given)
        with serve_container(self.image, self.volumes, variables) as container:
            container.program.wait_until(lambda: self.healthy().returncode == 0)
            yield container

    def run(self, given: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
        """As `docker compose exec` does, whether it serves or not."""
        return run_in_container(self.image, self.volumes, self.variables(given), *command)

    def healthy(self) -> subprocess.CompletedProcess[str]:
        """Its own health check, as an engine asks."""
        return self.run(NOTHING, *self.image.health)

    def get(self, path: str, host: str = "civic.band", **more: str) -> httpx.Response:
        """As the proxy does that has ended TLS."""
        headers = {"host": host, "x-forwarded-proto": "https", **more}
        return web.get(f"http://{HOST}:{self.port}{path}", headers=headers)


@contextmanager
def serve_proxy(folder: Path, blue: Colour, green: Colour) -> Iterator[httpx.Client]:
    """Run the runbook's Caddyfile with a certificate of its own, and give one who asks it."""
    caddy = shutil.which("caddy")
    assert caddy, "wanted Debian's package caddy"
    port = free_port()
    [block] = (b for b in blocks("rollout.md", RUNBOOK.read_text()) if b.language == "caddyfile")
    text = with_ports(block.text, {"8001": str(blue.port), "8002": str(green.port)})
    names = ", ".join(f"https://{name}:{port}" for name in ("civic.band", "*.civic.band"))
    text, replaced = re.subn(
        r"^civic\.band, \*\.civic\.band \{", f"{names} {{\n\ttls internal", text
    )
    assert replaced
    ours = (
        "admin off",
        "skip_install_trust",
        "auto_https disable_redirects",
        f"default_bind {HOST}",
    )
    (folder / "Caddyfile").write_text("{\n" + "\n".join(ours) + "\n}\n" + text)
    env = clean_environment(XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    command = [caddy, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    with program(command, env=env, cwd=folder) as running:
        running.wait_until(partial(accepts_connections, port))
        with web.client(
            base_url=f"https://{HOST}:{port}", verify=False, trust_env=False, timeout=30
        ) as client:
            yield client


def ask(proxy: httpx.Client, path: str, host: str = "civic.band") -> httpx.Response:
    """As a browser does."""
    name = f"{host}:{proxy.base_url.port}"
    return proxy.get(path, headers={"host": name}, extensions={"sni_hostname": host})
