"""Clients that leave, trackers that don't answer: no page waits, and nothing is made up."""

from __future__ import annotations

import shutil
import socket
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

from telemetry.testing import EventReceiver
from tests.end_to_end.failing.job import APP, SERVERS, SETTINGS, title_of
from tests.end_to_end.hosts import Visitor, visitor
from tests.support import web
from tests.support.host import manage
from tests.support.processes import HOST, refusing_port
from tests.support.servers import Server, serve_uvicorn
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.end_to_end.hosts import Host

# Seconds: far below the time that a tracker that hangs takes, and far above what the
# pages take on a busy machine.
PROMPT = 300.0
HANGING = 10 * PROMPT


@contextmanager
def serving(host: Host, dsn: str, **more: str) -> Iterator[tuple[Server, Visitor]]:
    env = host.variables(SENTRY_DSN=dsn, DJANGO_SETTINGS_MODULE=SETTINGS, **more)
    with serve_uvicorn(APP, env=env) as server, visitor(server) as browser:
        yield server, browser


def _access_lines(server: Server, path: str) -> int:
    lines = server.program.stdout().splitlines()
    return sum('"telemetry.access"' in line and f'"{path}"' in line for line in lines)


@pytest.mark.parametrize("trouble", ["refuses", "hangs", "429", "500"])
def test_a_tracker_in_trouble_delays_no_page(host: Host, trouble: str) -> None:
    """Neither the page that fails, nor the ones after it, nor the server's end."""
    with EventReceiver() as errors:
        dsn = errors.dsn
        if trouble == "refuses":
            dsn = f"http://key@{HOST}:{refusing_port()}/1"
        elif trouble == "hangs":
            errors.answer(200, HANGING)
        else:
            errors.answer(int(trouble), headers={"Retry-After": f"{HANGING:.0f}"})
        with serving(host, dsn, TELEMETRY_SHUTDOWN_TIMEOUT="1s") as (server, browser):
            began = time.monotonic()
            for _ in range(20):
                assert browser.get("/fails/sync-view/").status_code == 500
                assert browser.get("/-/fails/route", f"{host.site}.localhost").status_code == 500
                assert browser.get("/health/").status_code == 200
            server.stop()
            assert time.monotonic() - began < PROMPT
            printed = server.output()
        assert "error events undelivered" in printed
        assert errors.dsn.partition("@")[0] not in printed
        if trouble == "429":
            # It said when to come back.
            assert len(errors.requests) == 1


class Disconnected(NamedTuple):
    """A server whose clients left, and all that its tracker got."""

    server: Server
    errors: EventReceiver
    failures: list[str]


@pytest.fixture(scope="module", params=SERVERS)
def disconnected(host: Host, request: pytest.FixtureRequest) -> Iterator[Disconnected]:
    serve: Callable[..., AbstractContextManager[Server]] = SERVERS[request.param]
    with EventReceiver() as errors:
        env = host.variables(SENTRY_DSN=errors.dsn, DJANGO_SETTINGS_MODULE=SETTINGS)
        with serve(APP, env=env) as server:
            disconnected = Disconnected(server, errors, [])
            yield disconnected
            server.stop()
        assert [title_of(event) for event in errors.events] == disconnected.failures


@pytest.mark.parametrize("path", ["/reads-a-body", "/streams"])
def test_a_client_that_leaves_is_no_failure(disconnected: Disconnected, path: str) -> None:
    """Whatever the application makes of it, and whatever the server logs."""
    for _ in range(3):
        with socket.create_connection(
            (HOST, disconnected.server.port), timeout=PATIENCE
        ) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n"
            connection.sendall(head.encode() + b"half")
            if path == "/streams":
                connection.recv(1024)
    # The last that comes of a request.
    disconnected.server.program.wait_until(lambda: _access_lines(disconnected.server, path) == 3)
    with visitor(disconnected.server) as browser:
        browser.get("/fails/sync-view/")
    disconnected.failures.append("sync-view")
    disconnected.errors.wait_for(lambda r: len(r.events) >= len(disconnected.failures))
    assert [title_of(event) for event in disconnected.errors.events] == disconnected.failures


@pytest.mark.parametrize("serve", SERVERS.values(), ids=SERVERS)
@pytest.mark.parametrize("path", ["/", "/half"])
def test_a_bare_application_is_tracked_too(
    host: Host, serve: Callable[..., AbstractContextManager[Server]], path: str
) -> None:
    """Once, though the server logs it as well; without a route, rather than by its path."""
    with EventReceiver() as errors:
        env = host.variables(SENTRY_DSN=errors.dsn, LOG_FORMAT="text")
        with serve("tests.end_to_end.failing.bare:application", env=env) as server:
            url = f"{server.url}{path}?q=planted-query"
            with (
                web.client(timeout=PATIENCE) as client,
                client.stream("GET", url) as answer,
            ):
                try:
                    text = answer.read().decode()
                except httpx.RemoteProtocolError:
                    text = ""
            server.stop()
            printed = server.output()
        [event] = errors.events
        assert (title_of(event), event.transaction) == ("bare", "")
        assert event.request == {"method": "GET", "url": f"{server.url}{path}"}
        assert printed.count("FaultError: bare\n") == 1
        trace_id = answer.headers["traceresponse"].split("-")[1]
        assert event.trace_id == trace_id
        if path == "/":
            assert answer.status_code == 500
            assert text == f"Internal Server Error\nReference: {trace_id}\n"


def test_what_a_host_sets_in_one_request_stays_there(host: Host) -> None:
    """Each request has a scope of its own."""
    with EventReceiver() as errors, serving(host, errors.dsn) as (_, browser):
        browser.get("/fails/logged/")
        browser.get("/fails/sync-view/")
        first, second = errors.wait_for(lambda r: r.events if len(r.events) > 1 else [])
        assert first.tags["set.by"] == "logged"
        assert "set.by" not in second.tags
        # The record's own extra is sent, but for the request in it.
        assert first.extra == {"pages": 3}
        assert first.breadcrumbs == second.breadcrumbs == ()


def test_a_management_command_that_fails_is_tracked(host: Host) -> None:
    """Which of them is in the transaction, and no other argument is sent."""
    with EventReceiver() as errors:
        env = host.variables(SENTRY_DSN=errors.dsn)
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            manage("shell", "-c", "planted = 1 / 0", env=env)
        [event] = errors.events
        assert event.exceptions == (("ZeroDivisionError", "division by zero"),)
        assert event.transaction == "manage.py shell"
        assert event.tags == {"caught.by": "sys.excepthook"}
        assert "-c" not in repr(event.raw)


def test_a_command_that_says_what_is_wrong_is_no_failure(host: Host) -> None:
    """A mistyped name is the operator's, who has been told."""
    with EventReceiver() as errors:
        env = host.variables(SENTRY_DSN=errors.dsn)
        with pytest.raises(AssertionError):
            manage("register_site", "no site's name", env=env)
        assert errors.events == []


def test_a_broken_site_is_one_event(host: Host) -> None:
    """However many visitors get its error page, each with a reference of its own."""
    broken = f"{host.site}.localhost"
    folder = Path(host.env["SITES_DIR"]) / host.site
    kept = folder.rename(folder.with_name("kept"))
    folder.mkdir()
    (folder / "meetings.db").write_bytes(b"not a database" * 100)
    try:
        with EventReceiver() as errors, serving(host, errors.dsn) as (server, browser):
            answers = [browser.get("/", broken) for _ in range(5)]
            time.sleep(1.2)
            # Tried again by then, with the same result.
            answers.append(browser.get("/", broken))
            server.stop()
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)
    assert {answer.status_code for answer in answers} == {503}
    [event] = errors.events
    assert [kind for kind, _ in event.exceptions][-1] == "SiteUnavailableError"
    assert event.tags["corkboard.site"] == host.site
    traces = [answer.headers["traceresponse"].split("-")[1] for answer in answers]
    assert len(set(traces)) == len(traces)
    assert all(trace in answer.text for trace, answer in zip(traces, answers, strict=True))
    assert event.trace_id == traces[0]
