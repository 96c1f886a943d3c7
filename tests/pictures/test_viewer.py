"""`make serve` as somebody meets it: a page opened in a browser, and found in the viewer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support import web
from tests.support.browser import DESKTOP, PHONE, Page, Screen
from tests.support.host import host_environment
from tests.support.paths import PICTURES
from tests.support.processes import HOST, accepts_connections, free_port, program
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.pictures

SITE = "alameda.ca"
# As high as what is shown: two of these are in the documents.
LOW = Screen("low", 1280, 500, mobile=False)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of a site, and the viewer's."""
    port, viewer_port = free_port(), free_port()
    env = host_environment(tmp_path, SECRET_KEY="", PORT=str(port), VIEWER_PORT=str(viewer_port))
    del env["TELEMETRY_UNTRACED_PATHS"]
    with program([sys.executable, "manage.py", "serve"], env=env) as running:
        running.wait_until(lambda: accepts_connections(port), timeout=300)
        yield f"http://{SITE}.localhost:{port}", f"http://{HOST}:{viewer_port}"


def test_a_request_is_found_by_route_and_by_site(page: Page, served: tuple[str, str]) -> None:
    """Its waterfall has the folded queries, the log record and the exception with its stack."""
    site, viewer = served
    for path in ("/meetings", "/meetings/minutes", "/meetings/minutes?_search=housing"):
        page.open(f"{site}{path}", DESKTOP)
    # A column that isn't there: Datasette answers with 500.
    page.open(f"{site}/meetings/minutes?_facet=nope", DESKTOP)

    page.open(f"{viewer}/", LOW)
    page.wait_for("document.body.innerText.includes('500')")
    page.picture(PICTURES / "viewer-requests.png")
    page.open(f"{viewer}/routes", DESKTOP)
    page.picture(PICTURES / "viewer-routes.png")
    assert page.evaluate("document.body.innerText").count("/{database}/{table}") == 1

    page.open(f"{viewer}/?site={SITE}&failed=1&route=/%7Bdatabase%7D/%7Btable%7D", DESKTOP)
    trace = page.evaluate("document.querySelector('td.what a').href")
    page.open(trace, LOW)
    page.picture(PICTURES / "viewer-trace.png")
    shown = page.evaluate("document.body.innerText")
    assert SITE in shown
    assert "datasette/database.py" in shown
    assert "aggregated queries" in shown
    assert "sqlite3.OperationalError: no such column: nope" in shown
    assert "Query failed: /meetings/minutes" in shown
    assert page.evaluate("document.querySelectorAll('.waterfall .bar').length") >= 4

    page.open(f"{viewer}/sql?site={SITE}", DESKTOP)
    page.picture(PICTURES / "viewer-sql.png")
    page.open(f"{viewer}/logs", DESKTOP)
    page.picture(PICTURES / "viewer-logs.png")
    assert "no such column: nope" in page.evaluate("document.body.innerText")

    # The plugin's own page, whose chart is drawn by its scripts.
    chart = f"{viewer}/-/otel/metrics/http.server.request.duration"
    # Metrics are sent each five seconds.
    wait_until(lambda: web.get(chart).status_code == 200)
    page.open(chart, DESKTOP)
    page.wait_for("document.querySelector('#app-root svg') !== null")
    page.picture(PICTURES / "viewer-metric.png")

    page.open(trace, PHONE)
    page.picture(PICTURES / "viewer-trace-phone.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE.width


def test_a_list_follows_what_arrives(page: Page, served: tuple[str, str]) -> None:
    """Soon, and without a touch."""
    site, viewer = served
    page.open(f"{viewer}/", DESKTOP)
    assert "/meetings/agendas" not in page.evaluate("document.body.innerText")
    url = httpx.URL(site)
    headers = {"Host": url.netloc.decode()}
    web.get(f"http://{HOST}:{url.port}/meetings/agendas", headers=headers)
    page.wait_for("document.body.innerText.includes('/meetings/agendas')")
