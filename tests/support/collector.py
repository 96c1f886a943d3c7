"""The official collector between an application and a receiver, as `make collector` runs it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from collector.program import collector
from tests.support import web
from tests.support.environment import clean_environment
from tests.support.processes import HOST, Program, free_port, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# One that is built of what is locked, so that the PATH decides nothing.
OWN = "otelcol-corkboard"


class Addresses:
    """Where a collector listens: chosen once, so that one that starts again is found."""

    def __init__(self) -> None:
        self.http_port, self.grpc_port, self.health_port = free_port(), free_port(), free_port()
        self.url = f"http://{HOST}:{self.http_port}"
        self.grpc_endpoint = f"http://{HOST}:{self.grpc_port}"

    def variables(self) -> dict[str, str]:
        """What tells the collector."""
        return {
            "COLLECTOR_HTTP_PORT": str(self.http_port),
            "COLLECTOR_GRPC_PORT": str(self.grpc_port),
            "COLLECTOR_HEALTH_PORT": str(self.health_port),
        }

    def healthy(self) -> bool:
        """What its health check answers."""
        try:
            answer = web.get(f"http://{HOST}:{self.health_port}/")
        except httpx.TransportError:
            return False
        return answer.status_code == 200


def official(folder: Path) -> Path:
    """Give a folder for the PATH that has the collector in it; it is built where it is missing."""
    link = folder / "program" / OWN
    if not link.exists():
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(collector(print, own=True))
    return link.parent


@contextmanager
def serve_collector(
    destination: str, folder: Path, addresses: Addresses, **variables: str
) -> Iterator[Program]:
    """Run one, its queues in `folder`, which outlives it."""
    env = clean_environment(
        PATH=str(official(folder)),
        COLLECTOR_STORAGE=str(folder / "queues"),
        **addresses.variables(),
        **variables,
    )
    command = [sys.executable, "-m", "collector", destination]
    with program(command, env=env) as running:
        running.wait_until(addresses.healthy)
        yield running
