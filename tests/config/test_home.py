"""The home page of a host with many sites, over HTTP."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support import web
from tests.support.host import add_sites, host_environment, manage, migrated_host
from tests.support.servers import Server, serve_uvicorn
from tests.support.waiting import wait_until

STATES = ("AL", "CO", "OH", "WY")
MANY = 250
OUTAGE = "Could not read the registered sites"
_LINK = re.compile(r'<li><a href="//([^"]+)">')


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A host with many towns, and some whose names want care."""
    env = migrated_host(tmp_path_factory.mktemp("host"))
    towns = [(_subdomain(n), f"Town {n:03}", STATES[n % 4], 1000) for n in range(MANY)]
    special = [
        ("canon-city.co", "Cañon City", "CO", 1),
        ("amp.oh", "Bed & <b>Breakfast</b>", "OH", 12345),
        ("big.oh", "abbey", "OH", 1234567),
    ]
    add_sites(env, [*towns, *special, ("unknown.wy", None, None, None)])
    return env


@pytest.fixture(scope="module")
def server(env: dict[str, str]) -> Iterator[Server]:
    with serve_uvicorn(env=env) as server:
        yield server
        assert "Traceback" not in server.output()


def _subdomain(number: int) -> str:
    return f"town-{number}.{STATES[number % 4].lower()}"


def _get(server: Server, query: str = "") -> httpx.Response:
    return web.get(f"{server.url}/{query}", headers={"host": "civic.band"})


def _sites(server: Server, query: str = "") -> list[str]:
    page = _get(server, query)
    assert page.status_code == 200
    # Without HTTPS and PUBLIC_PORT, the port is the server's and not that of the Host header.
    suffix = f".civic.band:{server.port}/"
    return [address.removesuffix(suffix) for address in _LINK.findall(page.text)]


def _href(page: httpx.Response, rel: str) -> str:
    [href] = re.findall(rf'href="([^"]+)" rel="{rel}"', page.text)
    return str(href).replace("&amp;", "&")


def test_totals_are_written_for_people(server: Server) -> None:
    """With separators, and without the pages that nobody has counted."""
    text = _get(server).text

    assert f"254 sites, {250 * 1000 + 1 + 12345 + 1234567:,} pages." in text
    assert ">1,234,567 pages</span>" in text


def test_one_is_singular(server: Server) -> None:
    """One site, one page."""
    text = _get(server, "?q=canon").text

    assert "1 site, 1 page found." in text
    assert ">1 page</span>" in text


def test_sites_are_in_the_order_of_their_names(server: Server) -> None:
    """Without regard to case, and one without a name by its subdomain."""
    first, *_ = _sites(server)

    assert first == "big.oh"
    assert _sites(server, "?page=3")[-1] == "unknown.wy"


def test_a_hundred_to_a_page(server: Server) -> None:
    """Forwards and backwards, no site twice and none left out."""
    seen = []
    query = ""
    for number in (1, 2, 3):
        page = _get(server, query)
        assert f"Page {number} of 3" in page.text
        seen += _sites(server, query)
        if number < 3:
            query = _href(page, "next")
    assert len(seen) == len(set(seen)) == MANY + 4
    assert 'rel="next"' not in page.text
    assert _sites(server, _href(page, "prev")) == seen[100:200]
    assert 'rel="prev"' not in _get(server).text


@pytest.mark.parametrize("number", ["0", "-1", "99", "x", "", "9" * 5000])
def test_a_page_that_is_not_there_is_another(server: Server, number: str) -> None:
    """An old link shows sites, not an error."""
    assert _sites(server, f"?page={number}")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=canon", ["canon-city.co"]),
        ("?q=CA%C3%91ON+city", ["canon-city.co"]),
        ("?q=city+ca%C3%B1on+CO", ["canon-city.co"]),
        ("?q=town-7.wy", ["town-7.wy"]),
        ("?q=town+007", ["town-7.wy"]),
        ("?q=++town++007++", ["town-7.wy"]),
        ("?q=007&state=WY", ["town-7.wy"]),
        ("?q=007&state=OH", []),
        ("?q=unknown", ["unknown.wy"]),
        ("?q=abbey&state=", ["big.oh"]),
        ("?state=Ohio", []),
        ("?q=%00", []),
        ("?q=%27+OR+1%3D1+--", []),
    ],
)
def test_a_search_finds_what_was_meant(server: Server, query: str, found: list[str]) -> None:
    """Every word somewhere in name, subdomain or state, in any case and accent."""
    assert _sites(server, query) == found


def test_a_state_alone_is_enough(server: Server) -> None:
    """All of its sites, and the choice is kept in the form."""
    page = _get(server, "?state=OH")

    assert all(site.endswith(".oh") for site in _sites(server, "?state=OH"))
    assert len(_sites(server, "?state=OH")) == 64
    assert "<option selected>OH</option>" in page.text
    assert [*re.findall(r"<option(?: selected)?>(\w+)", page.text)] == sorted(STATES)


def test_a_search_is_kept_from_page_to_page(server: Server) -> None:
    """In the links and in the form."""
    page = _get(server, "?q=town&state=")
    following = _get(server, _href(page, "next"))

    assert 'value="town"' in following.text
    assert "250 sites, 250,000 pages found." in following.text
    assert "Page 2 of 3" in following.text


def test_no_match_leads_back(server: Server) -> None:
    """In words, with what was asked for and a way to all sites."""
    page = _get(server, "?q=%3Cscript%3E&state=OH")

    assert page.status_code == 200
    assert "No site matches “&lt;script&gt;” in OH." in page.text
    assert '<a class="button" href="/">' in page.text


def test_names_are_text(server: Server) -> None:
    """Whatever is registered, the page stays the page."""
    assert "Bed &amp; &lt;b&gt;Breakfast&lt;/b&gt;" in _get(server, "?q=breakfast").text


def test_a_long_search_is_cut_short(server: Server) -> None:
    """What exceeds a hundred letters is neither looked for nor carried along."""
    page = _get(server, "?q=town" + "+town" * 10000)

    assert "250 sites" in page.text
    assert f'value="{("town " * 20).strip()}"' in page.text
    assert len(_href(page, "next")) < 150


def test_any_bytes_are_looked_for(server: Server) -> None:
    """Those of no encoding are found nowhere."""
    assert _sites(server, "?q=%ff") == []


def test_the_page_works_without_a_mouse(server: Server) -> None:
    """Every field has a label, the page a language, and nothing runs."""
    text = _get(server).text
    fields = re.findall(r'<(?:input|select)[^>]* id="(\w+)"', text)

    assert fields == ["q", "state"]
    assert [*re.findall(r'<label for="(\w+)"', text)] == fields
    assert '<html lang="en">' in text
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "<script" not in text
    assert "style=" not in text
    for path in re.findall(r'<link [^>]*href="([^"]+)"', text):
        assert web.get(f"{server.url}{path}").status_code == 200


def test_an_empty_host_says_how_to_begin(tmp_path: Path) -> None:
    """Instead of an empty list."""
    env = migrated_host(tmp_path)
    with serve_uvicorn(env=env) as server:
        page = _get(server, "?q=x")
    assert "No site is registered yet" in page.text
    assert "<form" not in page.text


def test_the_page_outlives_the_database(env: dict[str, str]) -> None:
    """Searches included; no request asks it."""
    with serve_uvicorn(env=env) as server:
        assert _sites(server, "?q=canon") == ["canon-city.co"]
        with closing(sqlite3.connect(env["DATABASE_URL"].removeprefix("sqlite:///"))) as database:
            database.execute("ALTER TABLE sites RENAME TO gone")
            try:

                def noticed() -> bool:
                    assert _sites(server, "?q=town+007") == ["town-7.wy"]
                    return OUTAGE in server.output()

                wait_until(noticed)
                assert _sites(server, "?q=town+007") == ["town-7.wy"]
                answer = web.get(f"{server.url}/sites/canon-city.co/")
                assert answer.status_code == 302
            finally:
                database.execute("ALTER TABLE gone RENAME TO sites")
        assert server.output().count(OUTAGE) == 1


def test_before_a_first_reading_one_has_to_wait(tmp_path: Path) -> None:
    """A page that says so, which proxies don't keep, until the database is there."""
    env = host_environment(tmp_path)
    with serve_uvicorn(env=env) as server:
        for path in ("", "sites/alameda.ca/"):
            page = _get(server, path)
            assert page.status_code == 503
            assert page.headers["retry-after"] == "2"
            assert "try again shortly" in page.text
        assert web.get(f"{server.url}/health/").status_code == 200
        manage("migrate", "--verbosity=0", env=env)
        wait_until(lambda: _get(server).status_code == 200)
