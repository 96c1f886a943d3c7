"""A database in which CivicBand's own programs have made the table already."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support import web
from tests.support.admin import add_superuser, admin_of
from tests.support.host import host_environment, manage
from tests.support.servers import Server, serve_uvicorn
from tests.support.upstream_table import CREATE, INSERT


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    env = host_environment(tmp_path)
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database, database:
        database.execute(CREATE)
        database.execute(INSERT)
    return env


def _home(server: Server, host: str) -> httpx.Response:
    return web.get(f"{server.url}/", headers={"host": host})


def _schema(env: dict[str, str]) -> str:
    with closing(sqlite3.connect(env["DATABASE_URL"].removeprefix("sqlite:///"))) as database:
        [[sql]] = database.execute("SELECT sql FROM sqlite_master WHERE name = 'sites'")
    return str(sql)


def test_it_is_adopted_as_it_is(env: dict[str, str]) -> None:
    """`--fake-initial` leaves the table alone; its sites are served, whatever they lack."""
    before = _schema(env)
    manage("migrate", "--fake-initial", "--verbosity=0", env=env)

    assert _schema(env) == before
    assert "[ ]" not in manage("showmigrations", "--plan", env=env)
    with serve_uvicorn(env=env) as server:
        page = _home(server, "civic.band")
        assert page.text.index(">Alameda<") < page.text.index(">nameless.or<")
        assert "2 sites, 61,234 pages." in page.text
        for site in ("alameda.ca", "nameless.or"):
            answer = _home(server, f"{site}.civic.band")
            # It is known, only its data is missing.
            assert answer.status_code == 404
            assert "None" not in answer.text
        assert "Traceback" not in server.output()


def test_a_site_can_be_corrected_and_not_made(env: dict[str, str]) -> None:
    """Its own program fills columns that we know nothing of: said in words, not by a crash."""
    manage("migrate", "--fake-initial", "--verbosity=0", env=env)
    add_superuser(env)

    manage("register_site", "nameless.or", "--name", "Bend", "--state", "OR", env=env)
    with pytest.raises(AssertionError, match=r"CommandError: The database refused it: .*kind"):
        manage("register_site", "napa.ca", "--name", "Napa", "--state", "CA", env=env)
    with serve_uvicorn(env=env) as server, admin_of(server) as admin:
        change = "/admin/sites/site/alameda.ca/change/"
        assert admin.send(change, name="City of Alameda", state="CA").status_code == 302
        fields = {"subdomain": "napa.ca", "name": "Napa", "state": "CA"}
        refused = admin.send("/admin/sites/site/add/", **fields)
        assert "The database refused it: " in admin.client.get(refused.headers["location"]).text
        listed = admin.client.get("/admin/sites/site/").text
        assert "City of Alameda" in listed
        assert "Bend" in listed
        assert "napa.ca" not in listed
        assert "Traceback" not in server.output()


def test_a_database_of_our_own_is_migrated(tmp_path: Path) -> None:
    """One that was made before: rows stay, dates become text, and nothing is faked."""
    env = host_environment(tmp_path)
    manage("migrate", "sites", "0001", "--verbosity=0", env=env)
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database, database:
        row = ("alameda.ca", "Alameda", "CA", "2026-01-31 12:00:00")
        database.execute("INSERT INTO sites VALUES (?, ?, ?, ?)", row)

    manage("migrate", "--fake-initial", "--verbosity=0", env=env)

    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        columns = "subdomain, name, state, last_updated, pages"
        assert database.execute(f"SELECT {columns} FROM sites").fetchall() == [(*row, None)]
