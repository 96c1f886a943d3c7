"""What a failure looks like: to the visitor who met it, and to the operator in Bugsink."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver
from tests.end_to_end.failing.job import APP, SETTINGS, TRACE_URL
from tests.end_to_end.hosts import Host, visitor
from tests.support.browser import DESKTOP, PHONE, Page, Screen
from tests.support.bugsink import Project, serve_bugsink
from tests.support.paths import PICTURES
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import OTLPReceiver

pytestmark = pytest.mark.pictures


@pytest.mark.parametrize("screen", [PHONE, DESKTOP], ids=lambda screen: screen.name)
@pytest.mark.parametrize("side", ["home", "site"])
def test_an_error_page_shows_its_reference(
    host_env: dict[str, str], page: Page, side: str, screen: Screen
) -> None:
    """All of it: a visitor reads it out."""
    host = Host.of(host_env)
    name, path = ("localhost", "/fails/sync-view/")
    if side == "site":
        name, path = (f"{host.site}.localhost", "/-/fails/route")
    with EventReceiver() as errors:
        env = host.variables(SENTRY_DSN=errors.dsn, DJANGO_SETTINGS_MODULE=SETTINGS)
        with serve_uvicorn(APP, env=env) as server:
            page.open(f"http://{name}:{server.port}{path}", screen)
            page.picture(PICTURES / f"error-{side}-{screen.name}.png")
            [event] = errors.wait_for(lambda r: r.events)
            assert event.trace_id in page.evaluate("document.body.innerText")
            assert page.evaluate("document.documentElement.scrollWidth") <= screen.width


def test_bugsink_shows_an_event_and_its_trace(
    host_env: dict[str, str], page: Page, receiver: OTLPReceiver, tmp_path: Path
) -> None:
    """The stack, and beside it the id and the address of the trace."""
    host = Host.of(host_env)
    with serve_bugsink(tmp_path / "bugsink") as bugsink:
        env = host.variables(
            receiver,
            SENTRY_DSN=bugsink.dsn,
            DJANGO_SETTINGS_MODULE=SETTINGS,
            TELEMETRY_TRACE_URL=TRACE_URL,
            SENTRY_RELEASE="v1.2.3",
        )
        with serve_uvicorn(APP, env=env) as server, visitor(server) as browser:
            answer = browser.get("/-/fails/names-its-site", f"{host.site}.localhost")
            trace_id = answer.headers["traceresponse"].split("-")[1]
            [issue] = bugsink.wait_for(Project.issues)
        with bugsink.log_in() as operator:
            page.set_cookies(bugsink.url, operator.cookies)
        for name in ("", "details/"):
            page.open(f"{bugsink.url}/issues/issue/{issue['id']}/event/last/{name}", DESKTOP)
            page.picture(PICTURES / f"bugsink-{name.strip('/') or 'stack'}.png", whole=True)
        assert trace_id in page.evaluate("document.body.innerText")
        assert TRACE_URL.replace("{trace_id}", trace_id) in page.evaluate("document.body.innerText")
