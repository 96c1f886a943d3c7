"""The dashboard's every query, asked of a real Prometheus that scrapes two real workers."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote_plus

import pytest

from telemetry.testing import OTLPReceiver
from tests.end_to_end.failing.job import APP, SETTINGS
from tests.end_to_end.hosts import TESTING, Host, Visitor, visitor
from tests.support.host import add_sites, copy_host
from tests.support.paths import ROOT
from tests.support.processes import HOST, free_ports
from tests.support.prometheus import Prometheus, serve_prometheus
from tests.support.servers import serve_gunicorn
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers import Server

pytestmark = pytest.mark.prometheus

DASHBOARD = ROOT / "dashboards" / "corkboard.json"
OTHER = "dayton.oh"
WORKERS = 2
ROUNDS = 8
# Of time, so that the rates of what comes once have something to be made of.
RATE = "20s"
SLOW = "with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) from c"


class Scraped(NamedTuple):
    """A host that was visited, and who watched it."""

    prometheus: Prometheus
    server: Server
    browser: Visitor
    host: Host
    visits: list[int]


def panels() -> list[dict[str, Any]]:
    """Those that ask for something."""
    found = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


QUERIES = {
    f"{panel['title']}: {target['legendFormat']}": target["expr"]
    for panel in panels()
    for target in panel["targets"]
}


@pytest.fixture(scope="module")
def scraped(_host_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    host = Host.of(copy_host(_host_template, tmp_path_factory.mktemp("prometheus") / "host"))
    sites = Path(host.env["SITES_DIR"])
    shutil.copytree(sites / host.site, sites / OTHER)
    add_sites(host.env, [(OTHER, "Dayton", "OH", None)])
    port = free_ports(4)
    with ExitStack() as stack:
        receiver = stack.enter_context(OTLPReceiver())
        env = host.variables(
            receiver,
            DJANGO_SETTINGS_MODULE=SETTINGS,
            OTEL_METRICS_EXPORTER="prometheus",
            OTEL_EXPORTER_PROMETHEUS_HOST=HOST,
            OTEL_EXPORTER_PROMETHEUS_PORT=str(port),
            # Each of the two sites makes way for the other.
            SITES_POOL_SIZE="1",
            OTEL_TRACES_SAMPLER="tail",
            OTEL_TRACES_SAMPLER_ARG="0.5",
            # More traces fail in a minute.
            TELEMETRY_TRACE_LIMIT="1",
        )
        assert TESTING["TELEMETRY_RAISE_FAILURES"]
        server = stack.enter_context(serve_gunicorn(APP, env=env, workers=WORKERS))
        server.wait_for_workers(WORKERS)
        ports = [port + number for number in range(WORKERS)]
        prometheus = stack.enter_context(serve_prometheus(ports))
        prometheus.wait_for(f"count(up == 1) == {WORKERS}")
        scraped = Scraped(prometheus, server, stack.enter_context(visitor(server)), host, [])
        for _ in range(ROUNDS):
            visit(scraped)
            time.sleep(1.5)
        yield scraped


def visit(scraped: Scraped) -> None:
    """Pages of both sides, that are served, fail, are not there, take long; and a form."""
    site = f"{scraped.host.site}.localhost"
    for path, name in (
        ("/health/", "localhost"),
        ("/nothing/", "localhost"),
        ("/fails/sync-view/", "localhost"),
        ("/meetings/minutes?_size=5", site),
        ("/meetings/nothing", site),
        ("/-/fails/route", site),
        ("/-/fails/write", site),
        ("/meetings.json", f"{OTHER}.localhost"),
        ("/meetings/-/query.json?sql=select+nothing", site),
        (f"/meetings/-/query.json?sql={quote_plus(SLOW)}", site),
    ):
        scraped.visits.append(scraped.browser.get(path, name).status_code)
    form = scraped.browser.post("/admin/login/", data={"username": "nobody"})
    scraped.visits.append(form.status_code)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_every_query_of_the_dashboard_finds_something(scraped: Scraped, query: str) -> None:
    """As Grafana would ask it, for all sites."""
    asked = query.replace("$__rate_interval", RATE).replace("$site", ".*")
    assert "$" not in asked
    scraped.prometheus.wait_for(asked)


def test_what_a_limit_leaves_out_is_shown_by_its_limit(scraped: Scraped) -> None:
    """The panel is 0 where nothing is left out; here failed traces are."""
    [query] = [query for name, query in QUERIES.items() if name.startswith("Left out by a limit")]
    assert "corkboard_telemetry_left_out_total" in query
    assert "sum by (corkboard_limit)" in query
    scraped.prometheus.wait_for(
        'sum(corkboard_telemetry_left_out_total{corkboard_limit="traces"}) > 0'
    )


def test_what_it_counts_is_what_was_visited(scraped: Scraped) -> None:
    """Over both workers, by status and by site; each request once."""
    name = "http_server_request_duration_seconds_count"
    wait_until(lambda: scraped.prometheus.value(f"sum({name})") >= len(scraped.visits))
    assert scraped.prometheus.value(f"sum({name})") == len(scraped.visits)
    by_site = "corkboard_site_request_duration_seconds_count"
    assert scraped.prometheus.value(f"sum({by_site})") == len(scraped.visits)
    for status in {str(status) for status in scraped.visits}:
        found = scraped.prometheus.value(f'sum({name}{{http_response_status_code="{status}"}})')
        assert found == scraped.visits.count(int(status)), status
    named = scraped.prometheus.ask(f"count by (corkboard_site) ({by_site})")
    sites = {each["metric"].get("corkboard_site") for each in named}
    assert sites == {None, scraped.host.site, OTHER}
