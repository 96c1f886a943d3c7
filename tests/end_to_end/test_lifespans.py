"""Hosts whose lifespan fails, and servers that run none."""

from __future__ import annotations

import sys
from signal import SIGTERM
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.environment import clean_environment
from tests.support.processes import HOST, accepts_connections, free_port, program

if TYPE_CHECKING:
    from telemetry.testing import OTLPReceiver

APP = "tests.end_to_end.lifespan_host:"


def _lived(app: str, lifespan: str, env: dict[str, str]) -> tuple[int, bool, bool]:
    """The exit code, whether it served, and whether it printed the application's error."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", APP + app, "--host", HOST, "--port", str(port)]
    with program([*command, "--lifespan", lifespan], env=env, is_server=True) as running:
        running.wait_until(lambda: running.exit_code is not None or accepts_connections(port))
        served = running.exit_code is None
        if served:
            assert httpx.get(f"http://{HOST}:{port}/").text == "page"
        code = running.stop()
        return code, served, "RuntimeError: no database" in running.output()


@pytest.mark.parametrize("lifespan", ["auto", "on"])
@pytest.mark.parametrize("mode", ["raises", "failed", "raises later", "supported"])
def test_a_lifespan_fails_as_without_the_edge(
    receiver: OTLPReceiver, mode: str, lifespan: str
) -> None:
    """The server serves or ends as it does for the application alone."""
    env = clean_environment(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, LIFESPAN=mode)
    wrapped = _lived("application", lifespan, env)
    assert wrapped == _lived("bare", lifespan, env)
    ends = mode == "failed" or (mode.startswith("raises") and lifespan == "on")
    assert wrapped[:2] == ((3, False) if ends else (-SIGTERM, True))
