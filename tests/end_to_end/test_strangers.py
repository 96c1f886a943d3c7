"""Whose `traceparent` is believed: by default nobody's, on either side of the host."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.end_to_end.hosts import Host, Visitor, visitor
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing import ReceivedSpan

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
SAMPLED = ("traceparent", f"00-{TRACE}-{SPAN}-01")
UNSAMPLED = ("traceparent", f"00-{TRACE}-{SPAN}-00")
SECOND = ("traceparent", f"00-{TRACE[::-1]}-{SPAN[::-1]}-01")
LUGGAGE = (("tracestate", "planted=state"), ("baggage", "planted=baggage"))
SECRET = "planted-service-secret"

SIDES = pytest.mark.parametrize("side", ["django", "datasette"])


@dataclass(frozen=True)
class ServedHost:
    """A running host and the receiver behind it."""

    host: Host
    browser: Visitor
    receiver: OTLPReceiver

    def spans_of(self, side: str, *headers: tuple[str, str]) -> list[ReceivedSpan]:
        """Make one request and give all spans that it led to, the SERVER span last."""
        path, host = ("/health/", "localhost")
        if side == "datasette":
            path, host = f"/meetings/minutes/{self.host.row}.json", f"{self.host.site}.localhost"
        self.receiver.clear()
        assert self.browser.get(path, host, headers).status_code == 200
        self.receiver.wait_for(lambda r: any(span.kind == "SERVER" for span in r.spans))
        return self.receiver.spans


@contextmanager
def serve_host(host: Host, **variables: str) -> Iterator[ServedHost]:
    """Serve with these variables; the site is open before the first test."""
    with (
        OTLPReceiver() as receiver,
        serve_uvicorn(env=host.variables(receiver, **variables)) as server,
        visitor(server) as browser,
    ):
        opened = ServedHost(host, browser, receiver)
        opened.spans_of("datasette")
        yield opened


@pytest.fixture(scope="module")
def default_host(host: Host) -> Iterator[ServedHost]:
    with serve_host(host) as opened:
        yield opened


@pytest.fixture(scope="module")
def trusting_host(host: Host) -> Iterator[ServedHost]:
    with serve_host(host, TELEMETRY_TRACEPARENT="trust") as opened:
        yield opened


@pytest.fixture(scope="module")
def ignoring_host(host: Host) -> Iterator[ServedHost]:
    with serve_host(host, TELEMETRY_TRACEPARENT="ignore") as opened:
        yield opened


@pytest.fixture(scope="module")
def secret_host(host: Host) -> Iterator[ServedHost]:
    with serve_host(host, TELEMETRY_TRUST_SECRET=SECRET) as opened:
        yield opened


def root_of(spans: list[ReceivedSpan]) -> ReceivedSpan:
    """Give the one SERVER span; all others are below it, none is a stranger's."""
    [server] = [span for span in spans if span.kind == "SERVER"]
    known = {span.span_id for span in spans}
    assert {span.trace_id for span in spans} == {server.trace_id}
    assert all(span.parent_span_id in known for span in spans if span is not server)
    return server


def is_linked(span: ReceivedSpan) -> bool:
    return [(link.trace_id, link.span_id) for link in span.links] == [(TRACE, SPAN)]


@SIDES
@pytest.mark.parametrize("header", [SAMPLED, UNSAMPLED], ids=["sampled", "unsampled"])
def test_a_stranger_is_linked_to(
    default_host: ServedHost, side: str, header: tuple[str, str]
) -> None:
    """The trace is ours, and so is the decision to keep it."""
    server = root_of(default_host.spans_of(side, header))
    assert server.trace_id != TRACE
    assert server.parent_span_id == ""
    assert is_linked(server)


@SIDES
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("garbage", id="garbage"),
        pytest.param(f"00-{TRACE}-{SPAN}", id="too short"),
        pytest.param(f"00-{TRACE}-{SPAN}-01-more", id="too long"),
        pytest.param(f"ff-{TRACE}-{SPAN}-01", id="no version"),
        pytest.param(f"00-{'0' * 32}-{SPAN}-01", id="no trace"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01", id="no span"),
        pytest.param("00-" * 2000, id="6 KB"),
    ],
)
def test_what_cannot_be_read_is_no_trace(default_host: ServedHost, side: str, value: str) -> None:
    """A root of our own and no link."""
    server = root_of(default_host.spans_of(side, ("traceparent", value)))
    assert (server.parent_span_id, server.links) == ("", ())


@SIDES
def test_two_traceparents_choose_nothing(default_host: ServedHost, side: str) -> None:
    """Neither becomes the trace's id."""
    server = root_of(default_host.spans_of(side, SAMPLED, SECOND))
    assert server.parent_span_id == ""
    assert server.trace_id not in {TRACE, TRACE[::-1]}


@SIDES
def test_a_strangers_luggage_stays_outside(default_host: ServedHost, side: str) -> None:
    """Neither state nor baggage is on any span, nor on the link."""
    spans = default_host.spans_of(side, SAMPLED, *LUGGAGE)
    assert {span.trace_state for span in spans} == {""}
    assert "planted" not in repr(spans)


@pytest.mark.parametrize(
    ("policy", "known"),
    [
        ("link", {"baggage": {}, "tracestate": {}}),
        ("ignore", {"baggage": {}, "tracestate": {}}),
        ("trust", {"baggage": {"planted": "baggage"}, "tracestate": {"planted": "state"}}),
    ],
)
def test_the_application_sees_luggage_of_the_trusted_only(
    host: Host, receiver: OTLPReceiver, policy: str, known: dict[str, dict[str, str]]
) -> None:
    """What it would pass on with each call of its own."""
    app = "tests.end_to_end.small_host:application"
    env = host.variables(receiver, TELEMETRY_TRACEPARENT=policy)
    with serve_uvicorn(app, env=env) as server, visitor(server) as browser:
        assert browser.get("/", headers=[SAMPLED, *LUGGAGE]).json() == known


@SIDES
def test_a_trusted_caller_is_the_parent(trusting_host: ServedHost, side: str) -> None:
    """One SERVER span under the caller's span, in the caller's trace."""
    server = root_of(trusting_host.spans_of(side, SAMPLED))
    assert (server.trace_id, server.parent_span_id, server.links) == (TRACE, SPAN, ())


def test_a_trusted_caller_without_a_trace_gets_one(trusting_host: ServedHost) -> None:
    """Trust does not mean that everybody sends one."""
    assert root_of(trusting_host.spans_of("django")).parent_span_id == ""


@SIDES
def test_an_ignored_caller_leaves_no_link(ignoring_host: ServedHost, side: str) -> None:
    """As if nothing had been sent."""
    server = root_of(ignoring_host.spans_of(side, SAMPLED, *LUGGAGE))
    assert server.trace_id != TRACE
    assert (server.parent_span_id, server.links) == ("", ())


@SIDES
def test_who_knows_the_secret_is_trusted(secret_host: ServedHost, side: str) -> None:
    """The site's own crawler keeps its trace; the secret itself is not recorded."""
    spans = secret_host.spans_of(side, SAMPLED, ("x-service-secret", SECRET))
    server = root_of(spans)
    assert (server.trace_id, server.parent_span_id) == (TRACE, SPAN)
    assert SECRET not in repr(spans)


@SIDES
@pytest.mark.parametrize("guess", [None, "", "wrong", SECRET[:-1], SECRET.upper()])
def test_who_does_not_know_it_is_a_stranger(
    secret_host: ServedHost, side: str, guess: str | None
) -> None:
    """Linked to, like any other."""
    secret = [] if guess is None else [("x-service-secret", guess)]
    server = root_of(secret_host.spans_of(side, SAMPLED, *secret))
    assert server.trace_id != TRACE
    assert is_linked(server)


@pytest.mark.parametrize(
    ("sampler", "flag", "kept"),
    [("parentbased_always_off", "01", 0), ("parentbased_always_on", "00", 1000)],
)
def test_a_thousand_forgeries_decide_nothing(
    host: Host, receiver: OTLPReceiver, sampler: str, flag: str, kept: int
) -> None:
    """Not one span under a client's id; each trace is kept or not as if nothing had been sent."""
    env = host.variables(
        receiver,
        OTEL_TRACES_SAMPLER=sampler,
        OTEL_BSP_MAX_QUEUE_SIZE="100000",
        TELEMETRY_SHUTDOWN_TIMEOUT="20s",
    )
    pages = (("/health/", "localhost"), ("/-/settings.json", f"{host.site}.localhost"))
    forged = {f"{number:032x}" for number in range(1, 1001)}
    with serve_uvicorn(env=env) as server:
        with visitor(server) as browser:
            for number, trace_id in enumerate(sorted(forged)):
                path, name = pages[number % 2]
                headers = [("traceparent", f"00-{trace_id}-{SPAN}-{flag}"), *LUGGAGE]
                assert browser.get(path, name, headers).status_code == 200
        server.stop()
    assert sum(span.kind == "SERVER" for span in receiver.spans) == kept
    assert forged.isdisjoint(span.trace_id for span in receiver.spans)
    assert "planted" not in repr(receiver.spans)
    is_linked = {link.trace_id for span in receiver.spans for link in span.links}
    assert is_linked == (forged if kept else set())
