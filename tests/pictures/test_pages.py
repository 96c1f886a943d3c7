"""Home and table page in a real browser, on a phone and on a desk; `make pictures` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import DESKTOP, PHONE, Page, Screen
from tests.support.host import CIVIC_SITE, add_sites, manage
from tests.support.paths import PICTURES
from tests.support.servers import Server, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

STATES = ("CA", "OH", "OR", "WA")

pytestmark = pytest.mark.pictures


@pytest.fixture
def server(host_env: dict[str, str]) -> Iterator[Server]:
    """A host with enough sites that a page does not hold them."""
    towns = [
        (f"town-{n}.ca", f"Town of Some Longer Name {n:03}", STATES[n % 4], n) for n in range(300)
    ]
    add_sites(host_env, towns)
    manage("register_site", CIVIC_SITE, "--name", "Cleveland", "--state", "OH", env=host_env)
    with serve_uvicorn(env=host_env) as server:
        yield server


@pytest.mark.parametrize("screen", [PHONE, DESKTOP], ids=lambda screen: screen.name)
def test_the_home_page_fits(server: Server, page: Page, screen: Screen) -> None:
    """Nothing is cut off or too small to touch, and a search leads to the site."""
    page.open(f"http://localhost:{server.port}/", screen)
    page.picture(PICTURES / f"home-{screen.name}.png")

    assert page.evaluate("document.documentElement.scrollWidth") <= screen.width
    assert page.evaluate("document.querySelectorAll('main li a').length") == 100
    smallest = "Math.min(...Array.from(document.querySelectorAll({}), e => {}))"
    touched = "'main li a, input, select, button'"
    assert page.evaluate(smallest.format(touched, "e.getBoundingClientRect().height")) >= 44
    sizes = smallest.format("'main li a, input'", "parseFloat(getComputedStyle(e).fontSize)")
    # Below 16 pixels a phone zooms in when somebody types.
    assert page.evaluate(sizes) >= 16

    page.open(f"http://localhost:{server.port}/?q=name+299", screen)
    page.picture(PICTURES / f"search-{screen.name}.png")
    assert page.evaluate("document.querySelectorAll('main li a').length") == 1


@pytest.mark.parametrize("screen", [PHONE, DESKTOP], ids=lambda screen: screen.name)
def test_a_sites_table_page_is_shown(
    host_env: dict[str, str], server: Server, page: Page, screen: Screen
) -> None:
    """With Datasette's own style, from the site's own address."""
    from pathlib import Path

    site = min(Path(host_env["SITES_DIR"]).glob("*/meetings.db")).parent.name
    page.open(f"http://{site}.localhost:{server.port}/meetings/minutes", screen)
    page.picture(PICTURES / f"table-{screen.name}.png")

    assert page.evaluate("document.querySelectorAll('table.rows-and-columns tbody tr').length") > 90
    assert page.evaluate("Array.from(document.styleSheets).length") > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= screen.width + 1
