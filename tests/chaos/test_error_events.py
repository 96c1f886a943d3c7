"""Error events, while their tracker is away, answers badly or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from signal import SIGKILL, SIGTERM, Signals
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver
from tests.chaos.promises import TROUBLES, answering, duplicates, trace_of
from tests.end_to_end.failing.job import APP, SETTINGS
from tests.end_to_end.hosts import visitor
from tests.support.servers import Server, serve_uvicorn
from tests.support.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.promises import Promise, Trouble

pytestmark = pytest.mark.chaos

PAGES = 10
# More than a test waits: a stop that ends has not waited for the tracker.
NEVER = "300s"
# That a byte a second is no answer either is tried with spans.
TRACKERS: dict[str, Trouble] = {
    "away": TROUBLES["refuses"],
    "silent": TROUBLES["silent"],
    "429": TROUBLES["429"],
    "500": partial(answering, status=500),
}
ENDS = {"stopped": SIGTERM, "killed": SIGKILL}


@contextmanager
def serving(promise: Promise) -> Iterator[Server]:
    """Run a host of failing pages that sends its errors to the promise's port, and no more."""
    variables = promise.variables(
        SENTRY_DSN=f"http://key@127.0.0.1:{promise.port}/1",
        DJANGO_SETTINGS_MODULE=SETTINGS,
        OTEL_TRACES_EXPORTER="console",
        TELEMETRY_CONSOLE="off",
        TELEMETRY_SHUTDOWN_TIMEOUT=NEVER,
    )
    del variables["OTEL_EXPORTER_OTLP_ENDPOINT"]
    with serve_uvicorn(APP, env=variables) as server:
        yield server


def fail(promise: Promise, server: Server, pages: int) -> list[str]:
    """Ask for pages of Django and of a site that fail, and return their traces in order."""
    kinds = ("/fails/sync-view/", "localhost"), ("/-/fails/route", f"{promise.host.site}.localhost")
    found = []
    with visitor(server) as browser:
        for number in range(pages):
            path, host = kinds[number % len(kinds)]
            response = browser.get(path, host)
            assert response.status_code == 500
            found.append(trace_of(response.headers["traceresponse"]))
    return found


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("tracker", TRACKERS.values(), ids=TRACKERS)
def test_the_next_process_sends_each_event_once(
    promise: Promise, tracker: Trouble, end: Signals
) -> None:
    """Killed or stopped, by the time that all of them are on disk."""
    with tracker(promise.port), serving(promise) as server:
        # The first one is being sent, which a silent tracker does not end.
        failed = fail(promise, server, 1)
        wait_until(lambda: "error events" in server.output())
        failed += fail(promise, server, PAGES)
        wait_until(lambda: promise.stored_events(failed) == failed)
        server.stop(end)
        assert "undelivered" not in server.output()
    with EventReceiver(promise.port) as errors, serving(promise) as server:
        errors.wait_for(lambda r: len(r.events) >= len(failed), PATIENCE)
        failed += fail(promise, server, 1)
        errors.wait_for(lambda r: len(r.events) >= len(failed), PATIENCE)
        wait_until(lambda: promise.files() == [])
        server.stop()
    arrived = [str(event.trace_id) for event in errors.events]
    print(f"{len(set(failed) - set(arrived))} of {len(failed)} events lost")
    assert duplicates(arrived) == {}
    assert set(arrived) == set(failed)
