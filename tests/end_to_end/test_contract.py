"""A plain ASGI host behind real servers, mounted below a path: lines, routes and failures."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.end_to_end.contract_failures import FAILURES
from tests.end_to_end.hosts import TESTING
from tests.support import web
from tests.support.servers import serve_gunicorn, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing import ReceivedErrorEvent, ReceivedLog, ReceivedSpan

APP = "tests.end_to_end.contract_host:application"
FAILING = [*(f"fails/{name}" for name in FAILURES), "stream/plain"]
# The servers log what is missing. gunicorn says nothing of a response that has not begun.
MISSING = {"uvicorn": ["half/x", "nothing/x"], "gunicorn": ["half/x"]}
QUIET = ["untraced/x", "unlogged/x", "excluded/x"]
VARIABLES = {
    "TELEMETRY_UNTRACED_PATHS": "/untraced/",
    "TELEMETRY_UNLOGGED_PATHS": "/unlogged/",
    "OTEL_PYTHON_EXCLUDED_URLS": "^http://[^/]+/excluded/",
}


@dataclass
class Visited:
    """What a server's host has printed and sent."""

    server: str
    lines: list[dict[str, Any]]
    spans: dict[str, ReceivedSpan]
    """By path."""
    logs: list[ReceivedLog]
    events: list[ReceivedErrorEvent]
    routes: set[str]
    """Of the points of `http.server.request.duration`."""

    def line(self, path: str) -> dict[str, Any]:
        """The access line of a path."""
        (found,) = self.access_lines(path)
        return found

    def access_lines(self, path: str) -> list[dict[str, Any]]:
        return [
            line
            for line in self.lines
            if line["logger"] == "telemetry.access" and line["url.path"].endswith(path)
        ]


@pytest.fixture(scope="module", params=["uvicorn", "gunicorn"])
def visited(request: pytest.FixtureRequest) -> Iterator[Visited]:
    """Ask for every path."""
    name: str = request.param
    args = ["--root-path", "/app"]
    with OTLPReceiver() as receiver, EventReceiver() as events:
        sending = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "SENTRY_DSN": events.dsn}
        env = {**TESTING, **VARIABLES, **sending}
        served = (
            serve_uvicorn(APP, env=env, args=args)
            if name == "uvicorn"
            else serve_gunicorn(APP, env=env, args=args, workers=1, worker_class="asgi")
        )
        with served as server:
            with web.client(base_url=server.url) as client:
                for path in [*FAILING, "half/x", "nothing/x", *QUIET, "page/x"]:
                    with suppress(httpx.RemoteProtocolError):
                        client.get(path)
            server.stop()
            printed = server.output()
        lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
        assert "Traceback" not in "".join(x for x in printed.splitlines() if not x.startswith("{"))
        yield Visited(
            name,
            lines,
            {
                str(span.attributes["url.path"]).removeprefix("/app/"): span
                for span in receiver.spans
            }
            if name == "uvicorn"
            else {str(span.attributes["url.path"])[1:]: span for span in receiver.spans},
            list(receiver.logs),
            list(events.events),
            {
                str(point.attributes.get("http.route"))
                for point in receiver.metrics
                if point.name == "http.server.request.duration"
            },
        )


def _context(span: ReceivedSpan) -> dict[str, str]:
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "corkboard.site": "alameda.ca",
        "http.route": str(span.attributes["http.route"]),
    }


def test_the_servers_own_lines_lead_to_the_trace(visited: Visited) -> None:
    """Tracebacks, of a stream that failed midway too, and responses that are missing."""
    expected = [*FAILING, *MISSING[visited.server]]
    found = [line for line in visited.lines if line["level"] == "ERROR"]
    assert len(found) == len(expected)
    for path, line in zip(expected, found, strict=True):
        assert _context(visited.spans[path]).items() <= line.items(), path
        assert ("exception.stacktrace" in line) == (path in FAILING), path


def test_so_do_the_records(visited: Visited) -> None:
    """The same, as OpenTelemetry's log records."""
    expected = [*FAILING, *MISSING[visited.server]]
    found = [log for log in visited.logs if log.severity_text == "ERROR"]
    assert len(found) == len(expected)
    for path, log in zip(expected, found, strict=True):
        context = _context(visited.spans[path])
        assert (log.trace_id, log.span_id) == (context["trace_id"], context["span_id"]), path
        assert log.attributes["http.route"] == context["http.route"]
        assert log.attributes["corkboard.site"] == "alameda.ca"


def test_a_failure_that_can_not_be_described_is_one_event(visited: Visited) -> None:
    """With its access line, its span and its exception; telemetry itself has not failed."""
    expected = [*FAILING, *MISSING[visited.server]]
    assert len(visited.events) == len(expected)
    for path, event in zip(expected, visited.events, strict=True):
        span = visited.spans[path]
        assert (event.trace_id, event.span_id) == (span.trace_id, span.span_id), path
        assert event.tags["http.route"] == event.transaction == span.attributes["http.route"]
        assert event.tags["corkboard.site"] == "alameda.ca"
    for path in FAILING:
        assert visited.line(path)["corkboard.outcome"] == "error"
        span = visited.spans[path]
        assert [event.name for event in span.events] == ["exception"], path
        assert span.attributes["error.type"]
    unprintable = visited.spans["fails/unprintable"].events[0].attributes
    assert unprintable["exception.type"] == "tests.end_to_end.contract_failures.UnprintableError"
    assert unprintable["exception.message"] == "<UnprintableError that can't be shown>"
    assert "raise FAILURES[rest[0]]()" in str(unprintable["exception.stacktrace"])
    assert not [line for line in visited.lines if "internal error" in line["message"]]


def test_a_route_on_the_server_span_is_everywhere(visited: Visited) -> None:
    """As `docs/guides/asgi.md` has it: on the name, metrics, lines, records and events."""
    kinds = {"fails", "stream", "half", "nothing", "page", "unlogged"}
    assert {span.name for span in visited.spans.values()} == {
        f"GET /{kind}/{{name}}" for kind in kinds
    }
    # A request that is not traced is measured with its route too.
    assert visited.routes == {f"/{kind}/{{name}}" for kind in {*kinds, "untraced"}}
    for path in (*FAILING, "page/x", "untraced/x"):
        assert visited.line(path)["http.route"] == f"/{path.split('/')[0]}/{{name}}"


def test_paths_are_those_below_the_root(visited: Visited) -> None:
    """Of the three lists of paths; the server says what the whole path is."""
    assert "untraced/x" not in visited.spans
    assert "excluded/x" not in visited.spans
    assert visited.access_lines("unlogged/x") == []
    assert visited.line("page/x")["url.path"] == visited.spans["page/x"].attributes["url.path"]
    # gunicorn's path is without the root, against ASGI's specification.
    root = "/app" if visited.server == "uvicorn" else ""
    assert visited.line("page/x")["url.path"] == f"{root}/page/x"
