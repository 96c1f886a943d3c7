"""Debian's Prometheus, scraping what it is told to, and asked as Grafana asks it."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.support import web
from tests.support.processes import HOST, free_port, program
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCRAPE_SECONDS = 1
_CONFIG = """
global:
  scrape_interval: {seconds}s
scrape_configs:
  - job_name: corkboard
    static_configs:
      - targets: [{targets}]
"""


class Prometheus:
    """A running one."""

    def __init__(self, url: str) -> None:
        self._api = web.client(base_url=f"{url}/api/v1")

    def ask(self, query: str) -> list[dict[str, Any]]:
        """Give what a query finds now: a label set and a value each.

        Raises AssertionError with Prometheus's own words where it can't be understood.
        """
        answer = self._api.get("/query", params={"query": query})
        found = answer.json()
        assert found["status"] == "success", (query, found)
        result: list[dict[str, Any]] = found["data"]["result"]
        return result

    def value(self, query: str) -> float:
        """Give the one number that a query finds; 0 where it finds nothing."""
        found = self.ask(query)
        assert len(found) <= 1, (query, found)
        return float(found[0]["value"][1]) if found else 0.0

    def wait_for(self, query: str, timeout: float = PATIENCE) -> None:
        """Return once a query finds something."""
        deadline = time.monotonic() + timeout
        while not self.ask(query):
            assert time.monotonic() < deadline, query
            time.sleep(0.2)

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._api.get("/query", params={"query": "1"}).status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._api.close()


@contextmanager
def serve_prometheus(ports: Sequence[int]) -> Iterator[Prometheus]:
    """Scrape these ports of this machine once a second."""
    targets = ", ".join(f"'{HOST}:{port}'" for port in ports)
    with tempfile.TemporaryDirectory(prefix="corkboard-prometheus-") as folder:
        config = Path(folder) / "prometheus.yml"
        config.write_text(_CONFIG.format(seconds=SCRAPE_SECONDS, targets=targets))
        port = free_port()
        command = [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={HOST}:{port}",
            # None of its files is to outlive the test.
            "--storage.tsdb.retention.time=1h",
        ]
        running = Prometheus(f"http://{HOST}:{port}")
        with program(command, env={"PATH": os.environ["PATH"]}) as started:
            started.wait_until(running.ready)
            try:
                yield running
            finally:
                running.close()
