"""Neither, errors, traces or both: each works without the other, on both sides."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.end_to_end.failing.job import APP, SETTINGS, TRACE_URL, title_of
from tests.end_to_end.hosts import Host, Visitor, visitor
from tests.support.servers import serve_gunicorn, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

SIDES = {"django": ("/fails/sync-view/", "sync-view"), "site": ("/-/fails/route", "route")}


class Served(NamedTuple):
    """A running host, and what may come of it."""

    host: Host
    browser: Visitor
    errors: EventReceiver
    receiver: OTLPReceiver

    def fail(self, side: str) -> httpx.Response:
        path, _ = SIDES[side]
        return self.browser.get(path, "localhost" if side == "django" else self.site)

    @property
    def site(self) -> str:
        return f"{self.host.site}.localhost"

    def inspect(self) -> dict[str, Any]:
        found: dict[str, Any] = self.browser.get("/_inspect").json()
        return found


@contextmanager
def served(host: Host, *, errors: bool, traces: bool, **variables: str) -> Iterator[Served]:
    with EventReceiver() as tracker, OTLPReceiver() as receiver:
        if errors:
            variables["SENTRY_DSN"] = tracker.dsn
        env = host.variables(
            receiver if traces else None,
            DJANGO_SETTINGS_MODULE=SETTINGS,
            TELEMETRY_TRACE_URL=TRACE_URL,
            RELEASE_FILE=__file__,
            SENTRY_RELEASE="v1.2.3",
            **variables,
        )
        args = ["--no-access-log"]
        with serve_uvicorn(APP, env=env, args=args) as server, visitor(server) as browser:
            yield Served(host, browser, tracker, receiver)


class Switched(NamedTuple):
    """A host with errors, traces, both or neither, and all traces that its visitors were told."""

    running: Served
    errors: bool
    traces: bool
    trace_ids: list[str]


@pytest.fixture(
    scope="module",
    params=[(False, False), (False, True), (True, False), (True, True)],
    ids=["untracked-untraced", "untracked-traced", "tracked-untraced", "tracked-traced"],
)
def switched(host: Host, request: pytest.FixtureRequest) -> Iterator[Switched]:
    errors, traces = request.param
    with served(host, errors=errors, traces=traces) as running:
        found = Switched(running, errors, traces, [])
        yield found
    # By its end, the host has sent one for each failure and no more.
    events = running.errors.events
    assert [event.trace_id for event in events] == (found.trace_ids if errors else [])


@pytest.mark.parametrize("side", SIDES)
def test_each_works_without_the_other(switched: Switched, side: str) -> None:
    """And neither loads what only the other needs."""
    running, errors, traces, trace_ids = switched
    answer = running.fail(side)
    assert answer.status_code == 500
    # It finds the log lines, if nothing else.
    trace_id = answer.headers["traceresponse"].split("-")[1]
    trace_ids.append(trace_id)
    assert trace_id in answer.text
    if errors:
        # What is read out to the operator is found either way.
        [event] = running.errors.wait_for(
            lambda r: [event for event in r.events if event.trace_id == trace_id]
        )
        assert title_of(event) == SIDES[side][1]
        assert (event.release, event.environment) == ("v1.2.3", "production")
        assert event.transaction == event.tags["http.route"] == SIDES[side][0]
        site = running.host.site if side == "site" else None
        assert event.tags.get("corkboard.site") == site
        assert ("links" in event.contexts) is traces
        assert "trace.sampled" not in event.tags
    if traces:
        [server] = running.receiver.wait_for(
            lambda r: [s for s in r.spans if s.kind == "SERVER" and s.trace_id == trace_id]
        )
        assert [event.name for event in server.events] == ["exception"]
        assert ("corkboard.error.event_ids" in server.attributes) is errors
    found = running.inspect()
    assert ("sentry_sdk" in found["modules"]) is errors
    assert ("telemetry.export.http" in str(found["modules"])) is (traces or errors)
    assert found["threads"].count("telemetry-sender") == traces + errors
    assert ("telemetry-metrics" in found["threads"]) is traces


def test_a_trace_that_the_sampler_dropped_is_not_linked_to(host: Host) -> None:
    """A dangling link costs an operator's trust; the id still finds the logs."""
    with served(host, errors=True, traces=True, OTEL_TRACES_SAMPLER="always_off") as running:
        for side in SIDES:
            running.errors.clear()
            answer = running.fail(side)
            [event] = running.errors.wait_for(lambda r: r.events)
            assert event.tags["trace.sampled"] == "false"
            assert "links" not in event.contexts
            _, trace_id, span_id, flags = answer.headers["traceresponse"].split("-")
            assert (event.trace_id, event.span_id) == (trace_id, span_id)
            assert int(flags, 16) & 1 == 0
    assert running.receiver.spans == []


def test_turning_opentelemetry_off_leaves_errors_on(host: Host) -> None:
    """It is the switch of three signals, and errors are none of them."""
    with served(host, errors=True, traces=True, OTEL_SDK_DISABLED="true") as running:
        for side in SIDES:
            running.errors.clear()
            assert running.fail(side).status_code == 500
            [event] = running.errors.wait_for(lambda r: r.events)
            assert event.transaction == SIDES[side][0]
            assert event.trace_id == ""
    assert running.receiver.requests == []


@pytest.mark.parametrize("preload", [False, True], ids=["each", "preload"])
def test_each_worker_initialises_it_after_the_fork(host: Host, preload: bool) -> None:
    """A sending thread that was started before would be missing in the worker."""
    with EventReceiver() as errors:
        env = host.variables(SENTRY_DSN=errors.dsn, DJANGO_SETTINGS_MODULE=SETTINGS)
        serve = partial(serve_gunicorn, workers=2, preload=preload)
        with serve(APP, env=env) as server, visitor(server) as browser:
            seen: set[int] = set()
            for _ in range(200):
                if len(seen) == 2:
                    break
                seen.add(browser.get("/_inspect").json()["process"])
                browser.get("/fails/sync-view/")
            assert len(seen) == 2
            server.stop()
            assert "Sentry is initialised" not in server.output()
            assert ("Sentry is not initialised" in server.output()) is preload
    assert {title_of(event) for event in errors.events} == {"sync-view"}
    assert len(errors.events) >= 2
