"""`OTEL_TRACES_SAMPLER=tail` behind a real server, with visitors who try to choose for it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.end_to_end.failing.job import APP, SERVERS, SETTINGS, TRACE_URL
from tests.end_to_end.hosts import last_points, visitor
from tests.support.processes import HOST
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from tests.end_to_end.hosts import Host

RATIO = 0.25
FORGED = "00-" + "a" * 32 + "-" + "b" * 16 + "-"
NEVER = "600000"
FAILING = ("view", "route", "logged")
HARMLESS = ("healthy", "home", "scanned", "missing", "mistyped")
TIMES = 20


@dataclass
class Visits:
    """What came of them: the trace that each visitor was told of, and whether it was sampled."""

    receiver: OTLPReceiver
    errors: EventReceiver
    trace_ids: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)

    def add(self, kind: str, header: str) -> None:
        _, trace_id, _, flags = header.split("-")
        self.trace_ids.setdefault(kind, []).append((trace_id, bool(int(flags, 16) & 1)))

    @property
    def arrived(self) -> set[str]:
        return {span.trace_id for span in self.receiver.spans}


@pytest.fixture(scope="module")
def visits(host: Host) -> Visits:
    """Pages of both sides that are well, missing or failing, all under forged headers."""
    with EventReceiver() as errors, OTLPReceiver() as receiver:
        done = Visits(receiver, errors)
        env = host.variables(
            receiver,
            OTEL_TRACES_SAMPLER="tail",
            OTEL_TRACES_SAMPLER_ARG=str(RATIO),
            OTEL_METRIC_EXPORT_INTERVAL=NEVER,
            SENTRY_DSN=errors.dsn,
            TELEMETRY_TRACE_URL=TRACE_URL,
            DJANGO_SETTINGS_MODULE=SETTINGS,
        )
        site = f"{host.site}.localhost"
        pages = {
            "healthy": ("/meetings/minutes.json?_size=1", site),
            "home": ("/health/", "localhost"),
            "scanned": ("/wp-login.php", "localhost"),
            "missing": ("/meetings/nothing", site),
            "mistyped": ("/meetings/-/query.json?sql=select+nope", site),
            "view": ("/fails/sync-view/", "localhost"),
            "route": ("/-/fails/route", site),
            "logged": ("/fails/logged/", "localhost"),
        }
        assert set(pages) == {*FAILING, *HARMLESS}
        with serve_uvicorn(APP, env=env) as server, visitor(server) as browser:

            def visit(number: int) -> None:
                kind, (path, name) = list(pages.items())[number % len(pages)]
                forged = f"{FORGED}0{number // len(pages) % 2}"
                headers = [("traceparent", forged), ("tracestate", "ot=th:0")]
                done.add(kind, browser.get(path, name, headers).headers["traceresponse"])

            # Several under way at a time, of all kinds.
            with ThreadPoolExecutor(8) as visitors:
                list(visitors.map(visit, range(len(pages) * TIMES)))
            server.stop()
    return done


def test_every_failure_is_kept(visits: Visits) -> None:
    """And every trace that led to an error event, though its page was fine."""
    for kind in FAILING:
        assert {trace_id for trace_id, _ in visits.trace_ids[kind]} <= visits.arrived, kind


def test_of_the_rest_exactly_those_that_the_ratio_says(visits: Visits) -> None:
    """By the id of each; neither scanners nor mistyped SQL nor a forged flag change it."""
    for kind in HARMLESS:
        for trace_id, sampled in visits.trace_ids[kind]:
            chosen = int(trace_id[-14:], 16) >= round((1 - RATIO) * 2**56)
            assert (sampled, trace_id in visits.arrived) == (chosen, chosen), kind
    assert "a" * 32 not in visits.arrived


def test_each_says_what_ratio_was_applied(visits: Visits) -> None:
    """So that counts can be scaled up again; what was kept by a rule stands for itself."""
    servers = [span for span in visits.receiver.spans if span.kind == "SERVER"]
    assert {span.trace_state for span in servers} == {"ot=th:c", "ot=th:0"}
    by_rule = {span.trace_id for span in servers if span.trace_state == "ot=th:0"}
    for kind in FAILING:
        for trace_id, sampled in visits.trace_ids[kind]:
            assert (trace_id in by_rule) is not sampled


def test_no_event_links_to_what_is_not_there(visits: Visits) -> None:
    """An event keeps its trace."""
    assert len(visits.errors.events) == len(FAILING) * TIMES
    for event in visits.errors.events:
        assert event.contexts["links"] == {"trace": TRACE_URL.replace("{trace_id}", event.trace_id)}
        assert event.trace_id in visits.arrived
        assert "trace.sampled" not in event.tags


def test_nothing_else_is_sampled(visits: Visits) -> None:
    """Every request is counted."""
    points = last_points(visits.receiver, "http.server.request.duration")
    assert sum(point.count or 0 for point in points) == len(visits.trace_ids) * TIMES


def test_what_is_kept_is_whole(visits: Visits) -> None:
    """No span whose parent is missing."""
    ids = {span.span_id for span in visits.receiver.spans}
    assert {span.parent_span_id for span in visits.receiver.spans} <= ids | {""}


@pytest.mark.parametrize("name", SERVERS)
def test_a_slow_client_makes_no_slow_trace(host: Host, name: str) -> None:
    """What takes the host long is kept; what it waited for its client is the client's."""
    with OTLPReceiver() as receiver:
        env = host.variables(
            receiver,
            OTEL_TRACES_SAMPLER="tail",
            OTEL_TRACES_SAMPLER_ARG="0",
            # Far above what a busy machine makes of a page that does nothing, but for the first.
            TELEMETRY_SLOW="1s",
            DJANGO_SETTINGS_MODULE=SETTINGS,
        )
        with SERVERS[name](APP, env=env) as server:
            with visitor(server) as browser:
                browser.get("/nothing/first/")
                browser.get("/health/")
                browser.get("/fails/slow/?seconds=1.1")
            _read_slowly(server.port, "/download", 2.5)
            server.stop()
        spans = [s for s in receiver.spans if s.attributes["url.path"] != "/nothing/first/"]
        assert [span.name for span in spans] == ["GET /fails/slow/"]


def _read_slowly(port: int, path: str, seconds: float) -> None:
    """Take nothing for a while, and then all of it."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((HOST, port))
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        time.sleep(seconds)
        received = 0
        while data := connection.recv(1 << 20):
            received += len(data)
        assert received > 400 * 65536
