"""Prometheus comes for the metrics: every worker of a server is scraped, and stays itself."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.hosts import visitor
from tests.support import web
from tests.support.processes import HOST, free_ports
from tests.support.servers import serve_gunicorn
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.end_to_end.hosts import Host

REQUESTS = 40
COUNT = "http_server_request_duration_seconds_count"
BY_SITE = "corkboard_site_request_duration_seconds_count"
_BOOTED = re.compile(r"Booting worker with pid: (\d+)")

Samples = list[tuple[str, dict[str, str], float]]


def scrape(port: int) -> Samples:
    answer = web.get(f"http://{HOST}:{port}/metrics")
    assert answer.status_code == 200
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    ]


def total(samples: Samples, name: str) -> float:
    return sum(value for each, _, value in samples if each == name)


def listening(port: int) -> None:
    """Return once somebody answers there."""
    wait_until(lambda: _answers(port))


def _answers(port: int) -> bool:
    try:
        scrape(port)
    except httpx.TransportError:
        return False
    return True


def test_each_worker_is_scraped_and_a_new_one_takes_the_port_that_was_left(host: Host) -> None:
    """All requests over both; the site where there is one; no label that a process changes."""
    port = free_ports(4)
    env = host.variables(
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_EXPORTER_PROMETHEUS_HOST=HOST,
        OTEL_EXPORTER_PROMETHEUS_PORT=str(port),
    )
    with serve_gunicorn(env=env, workers=2) as server:
        server.wait_for_workers(2)
        with visitor(server) as browser:
            for number in range(REQUESTS):
                name = f"{host.site}.localhost" if number % 2 else "localhost"
                browser.get("/-/versions.json" if number % 2 else "/health/", name)
        for each in (port, port + 1):
            listening(each)
        scraped = [*scrape(port), *scrape(port + 1)]
        assert total(scraped, COUNT) == total(scraped, BY_SITE) == REQUESTS
        sites = {labels.get("corkboard_site", "") for name, labels, _ in scraped if name == BY_SITE}
        assert sites == {"", host.site}
        assert "service_instance_id" not in {key for _, labels, _ in scraped for key in labels}
        targets = [labels for name, labels, _ in scraped if name == "target_info"]
        assert len(targets) == 2
        assert targets[0] == targets[1]
        assert targets[0]["service_name"] == "corkboard"
        assert targets[0]["service_version"] == "development"

        first, *_ = _BOOTED.findall(server.output())
        os.kill(int(first), signal.SIGTERM)
        server.wait_for_workers(3)
        for each in (port, port + 1):
            listening(each)
    ports = re.findall(r"metrics are scraped at http://[\d.]+:(\d+)/", server.output())
    assert sorted(ports) == sorted([str(port), str(port + 1), ports[2]])
    assert ports[2] in ports[:2]
