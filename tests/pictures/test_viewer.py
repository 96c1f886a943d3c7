"""`make serve` as somebody meets it: a page opened in a browser, and found in the viewer."""

from __future__ import annotations

import json
import random
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support import web
from tests.support.browser import DESKTOP, PHONE, Page, Screen
from tests.support.environment import clean_environment
from tests.support.host import host_environment
from tests.support.paths import PICTURES
from tests.support.processes import HOST, accepts_connections, free_port, program
from tests.support.waiting import wait_until
from tests.telemetry.viewer.generating import Generator
from tests.telemetry.viewer.sending import PROTOBUF, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.pictures

SITE = "alameda.ca"
JSON = {"Content-Type": "application/json"}
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
    page.prefer("dark")
    for screen in (DESKTOP, SMALL):
        for name, address in (("requests", "/"), ("trace", trace), ("sql", "/sql")):
            page.open(f"{viewer}{address}" if address.startswith("/") else address, screen)
            page.picture(PICTURES / f"viewer-{name}-{screen.name}-dark.png")
            assert page.evaluate("document.documentElement.scrollWidth") <= screen.width
            background = "getComputedStyle(document.body).backgroundColor"
            assert page.evaluate(background) == "rgb(21, 24, 30)"
    # The failed page itself is an error of the host's pages, which were opened before.
    assert [problem for problem in page.problems if viewer in problem] == []


OURS = ("/requests?all=1", "/routes?all=1", "/sql", "/logs", "/search?q=a", "/received")
PLUGINS = ("/-/otel/metrics", "/-/otel/spans", "/-/otel/traces", "/-/otel/sql", "/telemetry")
# The narrowest phones that are sold have 360 pixels, and most have 390.
SMALL = Screen("small", 390, 844, mobile=True)


@pytest.fixture
def hostile(viewer: str) -> str:
    """The address of a viewer that has been sent telemetry of any content."""
    with web.client(base_url=viewer) as client:
        for seed in range(6):
            generator = Generator(random.Random(seed))
            for signal in ("traces", "metrics", "logs"):
                message = generator.request(signal)
                for changes in (0, 0, 30):
                    body = json.dumps(generator.json(message, changes)).encode(
                        "utf-8", "surrogatepass"
                    )
                    client.post(f"/v1/{signal}", content=body, headers=JSON)
    return viewer


@pytest.fixture
def viewer() -> Iterator[str]:
    """The address of a viewer that has received nothing."""
    port = free_port()
    command = [sys.executable, "-m", "telemetry", "viewer", "--port", str(port)]
    with program(command, env=clean_environment()) as running:
        running.wait_until(lambda: accepts_connections(port), timeout=300)
        yield f"http://{HOST}:{port}"


def test_no_page_of_any_telemetry_has_an_error(page: Page, hostile: str) -> None:
    """In the browser's console, on a phone or a desktop, light or dark; nor is any too wide."""
    rows = web.get(f"{hostile}/requests.json?all=1").json()["requests"]
    traces = [row["address"] for row in rows]
    assert len(traces) > 5
    for scheme, screen in (("light", DESKTOP), ("dark", SMALL)):
        page.prefer(scheme)
        for address in (*OURS, *traces):
            page.open(f"{hostile}{address}", screen)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= screen.width, (address, width)
            name = address.strip("/").partition("?")[0].replace("/", "-")[:16]
            page.picture(PICTURES / "hostile" / f"{name}-{screen.name}-{scheme}.png")
        for address in PLUGINS:
            page.open(f"{hostile}{address}", screen)
            page.wait_for("document.readyState === 'complete'")
    assert page.problems == []


def test_a_page_that_is_not_visible_asks_for_nothing(page: Page, viewer: str) -> None:
    """Once it is visible again, it has what arrived."""
    page.open(f"{viewer}/requests?all=1", DESKTOP)
    page.wait_for("document.getElementById('live').textContent.startsWith('Updated')")
    hidden = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    changed = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(hidden % "true" + changed)
    asked = (
        "performance.getEntriesByType('resource').filter(e => e.initiatorType == 'fetch').length"
    )
    # What was on its way has arrived after a second.
    page.evaluate("window.since = performance.now(); 0")
    page.wait_for("performance.now() - since > 1500")
    before = page.evaluate(asked)
    trace = Trace()
    trace.span("arrived meanwhile")
    body = trace.message.SerializeToString()
    with web.client() as client:
        client.post(f"{viewer}/v1/traces", content=body, headers=PROTOBUF)
    page.wait_for("performance.now() - since > 5000")
    assert page.evaluate(asked) == before
    assert "arrived meanwhile" not in page.evaluate("document.body.innerText")
    page.evaluate(hidden % "false" + changed)
    page.wait_for("document.body.innerText.includes('arrived meanwhile')")
    assert page.problems == []


def test_the_pages_are_used_by_keyboard(page: Page, viewer: str) -> None:
    """A search by `/`, a span that is opened by the space key and stays open as data arrives."""
    trace = Trace()
    root = trace.span("GET /keys", url_path="/keys", x="planted attribute")
    with web.client() as client:

        def send(one: Trace) -> None:
            content = one.message.SerializeToString()
            client.post(f"{viewer}/v1/traces", content=content, headers=PROTOBUF)

        send(trace)
        page.open(viewer, DESKTOP)
        page.press("Tab", "\t")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.press("/", "/")
        assert page.evaluate("document.activeElement.name") == "q"
        for character in "/keys":
            page.press(character, character)
        page.press("Enter", "\r")
        page.wait_for("location.pathname === '/search'")
        page.wait_for("document.querySelector('td.what a') !== null")
        page.evaluate("document.querySelector('td.what a').focus()")
        page.press("Enter", "\r")
        page.wait_for(f"location.pathname === '/trace/{trace.id.hex()}'")
        page.wait_for("document.querySelector('.span summary') !== null")
        page.evaluate("document.querySelector('.span summary').focus()")
        page.press(" ", " ")
        page.wait_for("document.querySelector('.span details').open")
        trace.span("arrived later", parent=root, kind=1)
        send(trace)
        page.wait_for("document.body.innerText.includes('arrived later')")
        assert page.evaluate("document.querySelector('.span details').open")
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        outlined = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(outlined) == "solid"
    assert page.problems == []


def test_a_list_follows_what_arrives(page: Page, served: tuple[str, str]) -> None:
    """Soon, and without a touch."""
    site, viewer = served
    page.open(f"{viewer}/", DESKTOP)
    assert "/meetings/agendas" not in page.evaluate("document.body.innerText")
    url = httpx.URL(site)
    headers = {"Host": url.netloc.decode()}
    web.get(f"http://{HOST}:{url.port}/meetings/agendas", headers=headers)
    page.wait_for("document.body.innerText.includes('/meetings/agendas')")
