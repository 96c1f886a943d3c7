"""Whether a worker lives, and whether it can serve: asked all day, and in nobody's way."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.end_to_end.hosts import Host, Visitor, last_points, visitor
from tests.support.host import copy_host
from tests.support.servers import Server, serve_uvicorn
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing import OTLPReceiver

READY = "/health/ready"
BY_DEFAULT = {"TELEMETRY_UNTRACED_PATHS": "", "TELEMETRY_UNLOGGED_PATHS": ""}


class Served(NamedTuple):
    server: Server
    browser: Visitor

    def says(self, state: str) -> bool:
        """Whether the worker is ready, and this is the state of its traces' destination."""
        answer = self.browser.get(READY)
        assert answer.status_code == 200
        return bool(answer.json()["telemetry"]["traces"] == state)

    def access_lines(self) -> list[str]:
        lines = map(json.loads, self.server.program.stdout().splitlines())
        return [line["url.path"] for line in lines if line["logger"] == "telemetry.access"]


@pytest.fixture
def own_host(_host_template: Path, tmp_path: Path) -> Host:
    """One that a test may break."""
    return Host.of(copy_host(_host_template, tmp_path / "host"))


@contextmanager
def served(host: Host, receiver: OTLPReceiver | None = None, **variables: str) -> Iterator[Served]:
    env = host.variables(receiver, **{**BY_DEFAULT, **variables})
    with serve_uvicorn(env=env) as server, visitor(server) as browser:
        yield Served(server, browser)


def test_health_is_counted_and_neither_traced_nor_logged(
    host: Host, receiver: OTLPReceiver
) -> None:
    """By any name, on either page; a page beside them is both."""
    with served(host, receiver) as running:
        for path in ("/health/", READY):
            for name in ("localhost", "10.0.0.7", f"{host.site}.localhost"):
                assert running.browser.get(path, name).status_code == 200
        running.browser.get("/nothing/")
        running.server.stop()
        assert running.access_lines() == ["/nothing/"]
    assert [s.attributes["url.path"] for s in receiver.spans if s.kind == "SERVER"] == ["/nothing/"]
    counted = {
        point.attributes.get("http.route"): point.count
        for point in last_points(receiver, "http.server.request.duration")
    }
    assert counted == {"/health/": 3, READY: 3, None: 1}


def test_a_worker_that_can_serve_says_how_its_telemetry_does(
    host: Host, receiver: OTLPReceiver
) -> None:
    """Which decides nothing: a page is a page though nobody hears of it."""
    with served(host, receiver) as running:
        answer = running.browser.get(READY).json()
        assert answer.pop("telemetry").keys() == {"traces", "logs"}
        assert answer == {"status": "ok", "database": "ok", "sites": "ok"}
        running.browser.get("/nothing/")
        receiver.wait_for(lambda r: r.spans)
        # The receiver has a span before its sender knows and counts that.
        wait_until(lambda: running.says("delivering"))
        receiver.answer(400)
        running.browser.get("/nothing/")
        receiver.wait_for(
            lambda r: [q for q in r.requests if q.status == 400 and q.path == "/v1/traces"]
        )
        wait_until(lambda: running.says("failing"))
    with served(host) as running:
        assert running.browser.get(READY).json()["telemetry"] == {}


def test_without_its_sites_or_its_database_it_is_not_ready_and_lives(own_host: Host) -> None:
    """Says which and not why; the log says more, and health does not ask them."""
    sites = Path(own_host.env["SITES_DIR"])
    database = Path(own_host.env["DATABASE_URL"].removeprefix("sqlite:///"))
    with served(own_host) as running:
        assert running.browser.get(READY).status_code == 200
        shutil.move(sites, sites.with_name("elsewhere"))
        database.rename(database.with_name("elsewhere.sqlite3"))
        database.mkdir()
        answer = running.browser.get(READY)
        assert answer.status_code == 503
        answered = {key: value for key, value in answer.json().items() if key != "telemetry"}
        assert answered == {
            "status": "unavailable",
            "database": "unavailable",
            "sites": "unavailable",
        }
        assert running.browser.get("/health/").status_code == 200
        running.server.stop()
        assert running.access_lines() == [READY]
        assert (
            "not ready: database: OperationalError, sites folder: FileNotFoundError"
            in running.server.program.stdout()
        )
