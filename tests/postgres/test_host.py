"""The host with its sites in PostgreSQL."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.config.sites.support import make_database
from tests.support import web
from tests.support.admin import add_superuser, admin_of
from tests.support.host import manage
from tests.support.postgres import PASSWORD
from tests.support.servers import serve_gunicorn, serve_uvicorn
from tests.support.upstream_table import CREATE, INSERT
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.support.postgres import Cluster
    from tests.support.servers import Server

pytestmark = pytest.mark.postgres

OUTAGE = "Could not read the registered sites"
ROW = "/meetings/minutes.json?_shape=array"


def _get(server: Server, path: str, host: str = "civic.band") -> httpx.Response:
    return web.get(f"{server.url}{path}", headers={"host": host})


def _register(env: Mapping[str, str], subdomain: str, name: str, state: str) -> None:
    manage("register_site", subdomain, "--name", name, "--state", state, env=env)
    make_database(Path(env["SITES_DIR"]) / subdomain / "meetings.db")


@pytest.fixture
def migrated(env: dict[str, str]) -> dict[str, str]:
    """A host with one site."""
    manage("migrate", "--verbosity=0", env=env)
    _register(env, "alameda.ca", "Alameda", "CA")
    return env


def test_sites_and_home_page_are_served(migrated: dict[str, str]) -> None:
    """As from SQLite, and connections don't pile up."""
    with serve_uvicorn(env=migrated) as server:
        for _ in range(20):
            assert ">Alameda<" in _get(server, "/").text
            assert _get(server, ROW, "alameda.ca.civic.band").json()[0]["id"] == "1"
            assert _get(server, "/sites/alameda.ca/").status_code == 302
            assert _get(server, "/admin/login/").status_code == 200
        assert _get(server, "/", "nope.civic.band").status_code == 302
        with closing(psycopg.connect(migrated["DATABASE_URL"])) as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            [(count,)] = connection.execute(query).fetchall()
        assert count <= 2, "this one, and one that is just being closed"
        assert PASSWORD not in server.output()


def test_a_site_is_added_in_the_admin(migrated: dict[str, str]) -> None:
    """And soon served by every worker."""
    add_superuser(migrated)
    make_database(Path(migrated["SITES_DIR"]) / "bend.or" / "meetings.db")
    with serve_gunicorn(env=migrated, workers=2) as server, admin_of(server) as admin:
        fields = {"subdomain": "bend.or", "name": "Bend", "state": "OR", "pages": "99000"}
        assert admin.send("/admin/sites/site/add/", **fields).status_code == 302
        # Whichever of them is asked.
        for _ in range(6):
            wait_until(lambda: "99,000 pages" in _get(server, "/").text)
            wait_until(lambda: _get(server, ROW, "bend.or.civic.band").status_code == 200)
        assert "Traceback" not in server.output()


def test_the_database_may_go_and_come_back(cluster: Cluster, migrated: dict[str, str]) -> None:
    """Meanwhile sites and home page are served; afterwards new sites appear."""
    with serve_uvicorn(env=migrated) as server:
        assert _get(server, "/", "alameda.ca.civic.band").status_code == 200
        cluster.stop()
        try:

            def noticed() -> bool:
                assert _get(server, ROW, "alameda.ca.civic.band").status_code == 200
                return OUTAGE in server.output()

            wait_until(noticed)
            for _ in range(3):
                assert _get(server, ROW, "alameda.ca.civic.band").status_code == 200
                assert ">Alameda<" in _get(server, "/?q=alameda").text
                assert _get(server, "/health/").status_code == 200
                assert _get(server, "/", "nope.civic.band").status_code == 302
                time.sleep(1)
            assert server.output().count(OUTAGE) == 1
        finally:
            cluster.start()
        _register(migrated, "bend.or", "Bend", "OR")
        wait_until(lambda: ">Bend<" in _get(server, "/").text)
        assert _get(server, ROW, "bend.or.civic.band").status_code == 200


def test_a_host_starts_before_its_database(cluster: Cluster, migrated: dict[str, str]) -> None:
    """It says that it will be back, and is, without a restart."""
    cluster.stop()
    try:
        with serve_uvicorn(env=migrated) as server:
            page = _get(server, "/")
            assert (page.status_code, page.headers["retry-after"]) == (503, "2")
            assert _get(server, "/health/").status_code == 200
            cluster.start()
            wait_until(lambda: _get(server, "/").status_code == 200)
            assert _get(server, ROW, "alameda.ca.civic.band").status_code == 200
            assert PASSWORD not in server.output()
    finally:
        cluster.kill()
        cluster.start()


def test_upstreams_table_is_adopted(env: dict[str, str]) -> None:
    """`--fake-initial` leaves it alone; its sites are listed and can be corrected."""
    with closing(psycopg.connect(env["DATABASE_URL"])) as connection, connection:
        connection.execute(CREATE)
        connection.execute(INSERT)
        before = _columns(connection)
    manage("migrate", "--fake-initial", "--verbosity=0", env=env)
    assert "[ ]" not in manage("showmigrations", "--plan", env=env)
    with closing(psycopg.connect(env["DATABASE_URL"])) as connection:
        assert _columns(connection) == before
    add_superuser(env)
    manage("register_site", "nameless.or", "--name", "Bend", "--state", "OR", env=env)
    with pytest.raises(AssertionError, match=r"CommandError: The database refused it: .*kind"):
        manage("register_site", "napa.ca", "--name", "Napa", "--state", "CA", env=env)

    with serve_uvicorn(env=env) as server, admin_of(server) as admin:
        assert "2 sites, 61,234 pages." in _get(server, "/").text
        assert ">Bend<" in _get(server, "/").text
        fields = {"subdomain": "napa.ca", "name": "Napa", "state": "CA"}
        refused = admin.send("/admin/sites/site/add/", **fields)
        said = admin.client.get(refused.headers["location"]).text
        assert "The database refused it: null value in column" in said
        assert "Traceback" not in server.output()


def test_a_date_becomes_text(env: dict[str, str]) -> None:
    """A table of our own, made before, keeps its rows."""
    manage("migrate", "sites", "0001", "--verbosity=0", env=env)
    with closing(psycopg.connect(env["DATABASE_URL"])) as connection, connection:
        row = ("alameda.ca", "Alameda", "CA", "2026-01-31 12:00:00+00")
        connection.execute("INSERT INTO sites VALUES (%s, %s, %s, %s)", row)
    manage("migrate", "--fake-initial", "--verbosity=0", env=env)
    with closing(psycopg.connect(env["DATABASE_URL"])) as connection:
        query = "SELECT subdomain, name, state, last_updated, pages FROM sites"
        assert connection.execute(query).fetchall() == [(*row, None)]


def test_the_deployment_check_is_clean(env: dict[str, str]) -> None:
    """With PostgreSQL as with SQLite."""
    production = {**env, "SECRET_KEY": "a-long-key-of-many-letters-0123456789-abcdefghijklm"}
    del production["HTTPS"]
    said = manage("check", "--deploy", "--database", "default", env=production)
    assert "no issues (0 silenced)" in said


def _columns(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    query = (
        "SELECT column_name, data_type, is_nullable, character_maximum_length "
        "FROM information_schema.columns WHERE table_name = 'sites' ORDER BY ordinal_position"
    )
    return connection.execute(query).fetchall()
