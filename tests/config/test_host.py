import sqlite3
from contextlib import closing

import httpx
import pytest

from tests.support import web
from tests.support.host import manage
from tests.support.servers import Server, serve_uvicorn
from tests.support.waiting import wait_until

OUTAGE = "Could not read the registered sites"


def _get(server: Server, path: str, host: str = "localhost", cookie: str = "") -> httpx.Response:
    headers = {"host": f"{host}:{server.port}", "cookie": cookie}
    return web.get(f"{server.url}{path}", headers=headers)


def test_the_home_page_lists_the_sites_by_name(server: Server) -> None:
    """Each with its state, linked to its own address below the visitor's root domain."""
    for host, root in (
        ("localhost", "localhost"),
        ("civic.band", "civic.band"),
        ("127.0.0.1", "localhost"),
    ):
        page = _get(server, "/", host)

        assert page.status_code == 200
        alameda = page.text.index(f'href="//alameda.ca.{root}:{server.port}/"')
        zion = page.text.index(f'href="//empty.or.{root}:{server.port}/"')
        assert alameda < page.text.index("CA</span>") < zion
        assert '<meta name="viewport"' in page.text


def test_health_is_a_line_of_json(server: Server) -> None:
    """For whoever asks whether the process answers."""
    assert _get(server, "/health/").json() == {"status": "ok"}


def test_a_site_can_be_reached_by_path(server: Server) -> None:
    """A registered one redirects to its own address; another is not found."""
    found = _get(server, "/sites/alameda.ca/")

    assert found.status_code == 302
    assert found.headers["location"] == f"//alameda.ca.localhost:{server.port}/"
    assert _get(server, "/sites/nope/").status_code == 404


def test_a_site_is_served_by_its_datasette(server: Server) -> None:
    """Under its own title, from its own database."""
    rows = _get(server, "/meetings/minutes.json?_shape=array", "alameda.ca.localhost").json()

    assert rows == [{"id": "1", "text": "Motion to approve the ferry terminal"}]
    assert "Alameda, CA" in _get(server, "/", "alameda.ca.localhost").text


def test_an_unknown_site_leads_home(server: Server) -> None:
    """Whatever the path was."""
    answer = _get(server, "/meetings", "nope.localhost")

    assert answer.status_code == 302
    assert answer.headers["location"] == f"http://localhost:{server.port}/"


def test_a_site_without_data_says_so(server: Server) -> None:
    """Its page is its own, and not an error of the host."""
    answer = _get(server, "/", "empty.or.localhost")

    assert answer.status_code == 404
    assert "Zion, OR" in answer.text


def test_a_foreign_host_is_refused(server: Server) -> None:
    """Only root domains, what lies below them, and this machine are served."""
    assert _get(server, "/", "evil.example").status_code == 400


def test_a_missing_page_prints_no_cookie(server: Server) -> None:
    """With rich installed, Datasette would print every local variable of a 404."""
    pytest.importorskip("rich")

    answer = _get(server, "/meetings/nope", "alameda.ca.localhost", "session=planted-secret")

    assert answer.status_code == 404
    assert "planted-secret" not in server.output()


def test_a_site_registered_later_is_served_without_a_restart(
    host: dict[str, str], server: Server
) -> None:
    """Within two seconds, though unknown names were just asked for."""
    assert _get(server, "/", "new.wa.localhost").status_code == 302

    manage("register_site", "new.wa", "--name", "Newport", "--state", "WA", env=host)

    wait_until(lambda: _get(server, "/", "new.wa.localhost").status_code != 302)
    assert "Newport, WA" in _get(server, "/", "new.wa.localhost").text


def test_known_sites_outlive_the_registry(host: dict[str, str]) -> None:
    """When the database breaks, the last known sites go on being served."""
    with serve_uvicorn(env=host) as server:
        assert _get(server, "/", "alameda.ca.localhost").status_code == 200
        path = host["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as database:
            database.execute("ALTER TABLE sites RENAME TO gone")
            try:

                def noticed() -> bool:
                    assert _get(server, "/", "alameda.ca.localhost").status_code == 200
                    return OUTAGE in server.output()

                wait_until(noticed)
                assert _get(server, "/", "alameda.ca.localhost").status_code == 200
                assert _get(server, "/", "nope.localhost").status_code == 302
            finally:
                database.execute("ALTER TABLE gone RENAME TO sites")
        assert server.output().count(OUTAGE) == 1


def test_the_server_stops_at_once(host: dict[str, str]) -> None:
    """With Datasettes open, without a traceback."""
    with serve_uvicorn(env=host) as server:
        assert _get(server, "/", "alameda.ca.localhost").status_code == 200
        server.stop()

        # What it says of those that it gave ten seconds.
        assert "still closing" not in server.output()
        assert "Traceback" not in server.output()
        assert "Application shutdown complete" in server.output()


def test_without_a_key_the_server_does_not_start(host: dict[str, str]) -> None:
    """The message names the variable and what was wanted."""
    env = {**host, "SECRET_KEY": ""}

    with (
        pytest.raises(AssertionError, match=r"SECRET_KEY is not set: wanted"),
        serve_uvicorn(env=env),
    ):
        pass
