"""What visitors can make a host send: malformed requests beside one failure of the host."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.end_to_end.failing.job import APP, SETTINGS, TRACE_URL
from tests.end_to_end.hosts import last_points, visitor
from tests.support import malformed
from tests.support.open_loop import send_at
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing import ReceivedErrorEvent, ReceivedSpan
    from tests.end_to_end.hosts import Host
    from tests.support.open_loop import Sent
    from tests.support.servers import Server

# Four places of Datasette's code, each with another text every time.
MALFORMED = (
    "/meetings/minutes.json?_timelimit=x{number}",
    "/meetings/minutes.json?_through=%5Bx{number}",
    "/meetings/minutes.json?_json_infinity=x{number}",
    "/meetings/minutes.json?text__in=%5Bx{number}",
)
FLOOD, LONG_FLOOD = 120, 2000
"""Number of malformed addresses, in the suite and in a soak, which sends eight at a time."""
GENUINE = "/-/fails/route"
RATE = 200.0
"""Requests a second that are offered, whether or not the host serves as many.
`python -m benchmarks.flood` prints how many a machine serves."""
SECONDS, LONG_SECONDS = 2, 20
DEFAULTS = {
    "TELEMETRY_TRACE_LIMIT": "60",
    "TELEMETRY_TRACE_SPAN_LIMIT": "10",
    "TELEMETRY_EVENT_LIMIT": "60",
    "TELEMETRY_EVENT_GROUP_LIMIT": "5",
}


@dataclass
class Flood:
    """What came of it."""

    receiver: OTLPReceiver
    errors: EventReceiver
    genuine: str = ""
    output: list[str] = field(default_factory=list)
    number: int = FLOOD
    sent: Sent | None = None
    megabytes: float = 0.0
    """By how much the process has grown."""

    @property
    def events(self) -> list[ReceivedErrorEvent]:
        return self.errors.events

    def servers(self, cause: str | None) -> list[ReceivedSpan]:
        """Return the SERVER spans of failed requests with that cause."""
        return [
            span
            for span in self.receiver.spans
            if span.kind == "SERVER"
            and span.status == "ERROR"
            and span.attributes.get("corkboard.cause") == cause
        ]


def _variables(host: Host, done: Flood) -> dict[str, str]:
    return host.variables(
        done.receiver,
        OTEL_TRACES_SAMPLER="tail",
        OTEL_TRACES_SAMPLER_ARG="0.02",
        SENTRY_DSN=done.errors.dsn,
        TELEMETRY_TRACE_URL=TRACE_URL,
        DJANGO_SETTINGS_MODULE=SETTINGS,
        **DEFAULTS,
    )


@pytest.fixture(scope="module")
def flood(host: Host, request: pytest.FixtureRequest) -> Iterator[Flood]:
    """Malformed addresses, and one failure of the host when the budgets are used up."""
    soak = bool(request.config.getoption("--soak"))
    with EventReceiver() as errors, OTLPReceiver() as receiver:
        done = Flood(receiver, errors)
        env = _variables(host, done)
        site = f"{host.site}.localhost"
        with serve_uvicorn(APP, env=env) as server, visitor(server) as browser:
            done.number = LONG_FLOOD if soak else FLOOD

            def visit(number: int) -> None:
                if number == done.number - 3:
                    answer = browser.get(GENUINE, site)
                    done.genuine = answer.headers["traceresponse"].split("-")[1]
                path = MALFORMED[number % len(MALFORMED)].format(number=number)
                assert browser.get(path, site).status_code == 500, path

            with ThreadPoolExecutor(8 if soak else 1) as visitors:
                list(visitors.map(visit, range(done.number)))
            server.stop()
            done.output = server.output().splitlines()
        yield done


def test_a_flood_of_malformed_addresses_is_a_few_events_in_four_groups(flood: Flood) -> None:
    """At most five of a group and minute, marked as caused by the request."""
    caused = [event for event in flood.events if event.tags.get("corkboard.cause") == "request"]
    groups = {event.fingerprint for event in caused}
    assert len(groups) == len(MALFORMED)
    per_group = Counter(event.fingerprint for event in caused)
    assert set(per_group.values()) <= set(range(5, flood.number // 4 + 1))
    assert len(caused) < flood.number
    assert not any("x1" in part for group in groups for part in group)


def test_a_flood_of_malformed_addresses_is_a_few_spans(flood: Flood) -> None:
    """Of the traces that are kept by rule, the failing span and what it is in; and the ratio's."""
    assert 0 < len(flood.receiver.spans) <= 600
    kept = flood.servers("request")
    by_rule = [span for span in kept if "th:0" in str(span.trace_state)]
    assert 0 < len(by_rule) <= 60
    sizes = [
        sum(span.trace_id == each.trace_id for span in flood.receiver.spans) for each in by_rule
    ]
    assert max(sizes) <= 10


def test_the_failure_of_the_host_is_not_pushed_out(flood: Flood) -> None:
    """Its event and its whole trace arrive, unmarked, though the budgets were used up before."""
    [event] = [event for event in flood.events if event.trace_id == flood.genuine]
    assert "corkboard.cause" not in event.tags
    assert event.tags.get("trace.sampled") is None
    [server] = flood.servers(None)
    assert server.trace_id == flood.genuine
    assert "corkboard.spans.left_out" not in server.attributes


def test_what_was_left_out_is_counted_by_reason(flood: Flood) -> None:
    """In metrics, and once an episode on a line that names the variable."""
    counts = {
        str(point.attributes["corkboard.limit"]): int(point.value or 0)
        for point in last_points(flood.receiver, "corkboard.telemetry.left_out")
    }
    sent = len(flood.events)
    assert counts["event_group"] + counts["events"] == flood.number + 1 - sent
    records = [log for log in flood.receiver.logs if log.scope == "datasette"]
    # Standard output has them all, each with its traceback.
    assert counts["log_records"] == flood.number + 1 - len(records)
    assert len(records) < flood.number // 2
    lines = [line for line in flood.output if '"logger":"datasette"' in line]
    assert len(lines) == flood.number + 1
    assert counts["traces"] > flood.number // 4
    lines = [line for line in flood.output if "sets the limit" in line]
    for variable in ("TELEMETRY_TRACE_LIMIT", "TELEMETRY_EVENT_GROUP_LIMIT"):
        # A second episode, if it took minutes.
        assert 1 <= sum(variable in line for line in lines) <= 3


@pytest.fixture(scope="module")
def open_loop(host: Host, request: pytest.FixtureRequest) -> Iterator[Flood]:
    """Two hundred malformed requests a second of each kind, and one failure of the host."""
    soak = bool(request.config.getoption("--soak"))
    with EventReceiver() as errors, OTLPReceiver() as receiver:
        done = Flood(receiver, errors, number=round(RATE * (LONG_SECONDS if soak else SECONDS)))
        site = f"{host.site}.localhost"
        with serve_uvicorn(APP, env=_variables(host, done)) as server:
            kinds = malformed.MALFORMED
            requests = [
                kinds[number % len(kinds)].request(number, server.port, site)
                for number in range(done.number)
            ]
            genuine = malformed.GENUINE.request(0, server.port, site)
            # The site is opened, and what a process needs once is there.
            send_at(RATE, requests[: 2 * len(kinds)])
            before = _megabytes(server)
            done.sent = send_at(RATE, [*requests[:-3], genuine, *requests[-3:]])
            done.megabytes = _megabytes(server) - before
            done.number += 2 * len(kinds)
            done.genuine = done.sent.answers[-4].headers["traceresponse"].split("-")[1]
            server.stop()
        yield done


def _megabytes(server: Server) -> float:
    resident = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_two_hundred_malformed_requests_a_second_push_out_no_failure(open_loop: Flood) -> None:
    """All are answered, and the failure's event and whole trace arrive, unmarked."""
    assert open_loop.sent is not None
    assert open_loop.sent.statuses == {500: len(open_loop.sent.answers)}
    [event] = [event for event in open_loop.events if event.trace_id == open_loop.genuine]
    assert "corkboard.cause" not in event.tags
    assert "trace.sampled" not in event.tags
    [server] = open_loop.servers(None)
    assert server.trace_id == open_loop.genuine
    assert "corkboard.spans.left_out" not in server.attributes


def test_each_of_two_hundred_a_second_arrives_or_is_counted(open_loop: Flood) -> None:
    """Events, log records and traces: what was sent and what was left out are all of them."""
    counts = {
        str(point.attributes["corkboard.limit"]): int(point.value or 0)
        for point in last_points(open_loop.receiver, "corkboard.telemetry.left_out")
    }
    failed = open_loop.number + 1
    caused = [event for event in open_loop.events if event.tags.get("corkboard.cause")]
    kinds = len(malformed.MALFORMED)
    # A statement that SQLite refuses is a warning in the log, and no event.
    refused = -(-(open_loop.number - 2 * kinds) // kinds) + 2
    assert len({event.fingerprint for event in caused}) == kinds - 1
    with_event = failed - refused
    assert len(open_loop.events) + counts["event_group"] + counts.get("events", 0) == with_event
    records = [log for log in open_loop.receiver.logs if log.scope == "datasette"]
    assert len(records) + counts["log_records"] == failed
    servers = [span for span in open_loop.receiver.spans if span.kind == "SERVER"]
    assert len(servers) + counts["traces"] == failed
    # Those that passed are as few as the limits say, of as many minutes as it took.
    minutes = 1 + open_loop.sent.seconds // 60 if open_loop.sent is not None else 0
    assert len(caused) <= 5 * (kinds - 1) * minutes
    by_rule = [span for span in servers if "th:0" in str(span.trace_state)]
    assert len(by_rule) <= 60 * minutes


def test_a_flood_does_not_stay_in_memory(open_loop: Flood) -> None:
    """Requests that wait for the host are there at once, and no more of those that are done."""
    assert open_loop.megabytes < 150
