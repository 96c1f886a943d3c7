"""Each framework in an environment of its own: a route that is set by the documented way.

The route is ``http.route`` on the SERVER span; `docs/guides/asgi.md` has how to set it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.end_to_end.hosts import TESTING
from tests.support import web
from tests.support.servers import serve_uvicorn
from tests.support.venvs import venv_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing import ReceivedErrorEvent, ReceivedLog, ReceivedPoint, ReceivedSpan

pytestmark = pytest.mark.frameworks

HOSTS = {
    "plain": (),
    "starlette": ("starlette==1.10.0",),
    "fastapi": ("fastapi==0.165.0",),
    "fastapi_instrumented": (
        "fastapi==0.165.0",
        "opentelemetry-instrumentation-fastapi==0.66b2",
    ),
    "litestar": ("litestar==2.25.0",),
}
SAMPLERS = ("parentbased_always_on", "always_off")
FAILS, TOWNS = "/fails/{name}", "/towns/{name}"


@dataclass
class Visited:
    """What a host printed and sent."""

    sampled: bool
    lines: list[dict[str, Any]]
    spans: list[ReceivedSpan]
    logs: list[ReceivedLog]
    points: list[ReceivedPoint]
    events: list[ReceivedErrorEvent]


@pytest.fixture(scope="module", params=[(h, s) for h in HOSTS for s in SAMPLERS], ids=str)
def visited(request: pytest.FixtureRequest) -> Iterator[Visited]:
    """Serve a host, and ask for a page, a failure and a page that is missing."""
    name, sampler = request.param
    # Without pins: the package's own are those of pyproject.toml.
    python = venv_with(("uvicorn", *HOSTS[name]), extras=["sentry"])
    with OTLPReceiver() as receiver, EventReceiver() as events:
        env = {
            **TESTING,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_TRACES_SAMPLER": sampler,
            "SENTRY_DSN": events.dsn,
        }
        app = f"{name}_host:application"
        folder = Path(__file__).with_name("hosts")
        with serve_uvicorn(app, env=env, cwd=folder, python=python) as server:
            # uvicorn closes the connection on which an application has failed.
            limits = httpx.Limits(max_keepalive_connections=0)
            with web.client(base_url=server.url, limits=limits) as client:
                statuses = [client.get(p).status_code for p in ("/towns/a", "/fails/b", "/no/c")]
            assert statuses == [200, 500, 404]
            server.stop()
            printed = server.output()
        yield Visited(
            sampler != "always_off",
            [json.loads(line) for line in printed.splitlines() if line.startswith("{")],
            list(receiver.spans),
            list(receiver.logs),
            list(receiver.metrics),
            list(events.events),
        )


def test_it_names_the_span(visited: Visited) -> None:
    """And only the span of a request that has a route."""
    spans = [span for span in visited.spans if span.kind == "SERVER"]
    found = [(span.name, span.attributes.get("http.route")) for span in spans]
    expected = [(f"GET {TOWNS}", TOWNS), (f"GET {FAILS}", FAILS), ("GET", None)]
    assert found == (expected if visited.sampled else [])


def test_it_is_on_metrics(visited: Visited) -> None:
    """Of requests that are sampled out, too."""
    measured = {
        (point.attributes.get("http.route"), point.attributes["http.response.status_code"])
        for point in visited.points
        if point.name == "http.server.request.duration" and point.scope == "telemetry"
    }
    assert measured == {(TOWNS, 200), (FAILS, 500), (None, 404)}


def test_it_is_on_lines(visited: Visited) -> None:
    """The access lines, and those of the host."""
    for logger in ("telemetry.access", "host"):
        routes = [line.get("http.route") for line in visited.lines if line["logger"] == logger]
        assert routes[:2] == [TOWNS, FAILS], logger
    for line in visited.lines:
        if "Exception in ASGI" in line["message"]:
            assert line["http.route"] == FAILS
            assert line["trace_id"]


def test_it_is_on_records(visited: Visited) -> None:
    """The host's."""
    routes = [log.attributes.get("http.route") for log in visited.logs if log.scope == "host"]
    assert routes == [TOWNS, FAILS]


def test_it_is_on_events(visited: Visited) -> None:
    """One for the failure."""
    (event,) = visited.events
    assert event.exceptions == (("ValueError", "b"),)
    assert event.tags["http.route"] == event.transaction == FAILS
