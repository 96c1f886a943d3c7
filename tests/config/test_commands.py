import os
import signal
import socket
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from telemetry.testing import OTLPReceiver
from tests.support import web
from tests.support.host import host_environment, manage, migrated_host
from tests.support.processes import HOST, accepts_connections, free_port, program
from tests.support.waiting import PATIENCE, wait_until


def _sites(env: dict[str, str]) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(env["DATABASE_URL"].removeprefix("sqlite:///"))) as database:
        query = "SELECT subdomain, name, state FROM sites ORDER BY subdomain"
        return database.execute(query).fetchall()


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return migrated_host(tmp_path)


def test_registering_twice_corrects_the_first(env: dict[str, str]) -> None:
    """The command can be run again with better values."""
    manage("register_site", "alameda.ca", "--name", "Alamda", "--state", "CA", env=env)
    manage("register_site", "alameda.ca", "--name", "Alameda", "--state", "CA", env=env)

    assert _sites(env) == [("alameda.ca", "Alameda", "CA")]


def _details(env: dict[str, str]) -> dict[str, tuple[int | None, str | None]]:
    with closing(sqlite3.connect(env["DATABASE_URL"].removeprefix("sqlite:///"))) as database:
        rows = database.execute("SELECT subdomain, pages, last_updated FROM sites")
        return {subdomain: (pages, last_updated) for subdomain, pages, last_updated in rows}


def test_a_site_has_pages_and_a_date(env: dict[str, str]) -> None:
    """What is not said the second time stays; the date is the latest, as text."""
    site = ("register_site", "alameda.ca", "--name", "Alameda", "--state", "CA")
    manage(*site, "--pages", "61234", env=env)
    [(_, first)] = _details(env).values()
    manage(*site, env=env)

    [(pages, second)] = _details(env).values()
    assert pages == 61234
    assert first is not None
    assert second is not None
    assert datetime.fromisoformat(first) < datetime.fromisoformat(second)
    assert datetime.fromisoformat(second).tzinfo is not None


def test_less_than_nothing_is_no_count(env: dict[str, str]) -> None:
    """Refused in words."""
    site = ("register_site", "alameda.ca", "--name", "Alameda", "--state", "CA")
    with pytest.raises(AssertionError, match=r"CommandError: .*greater than or equal to 0"):
        manage(*site, "--pages", "-1", env=env)


def test_a_bad_subdomain_is_refused(env: dict[str, str]) -> None:
    """In words, without a traceback, and nothing is stored."""
    with pytest.raises(AssertionError, match=r"CommandError: '\.\./etc' is no subdomain") as caught:
        manage("register_site", "../etc", "--name", "Etc", "--state", "CA", env=env)

    assert "Traceback" not in str(caught.value)
    assert _sites(env) == []


def test_demo_sites_are_the_same_everywhere(env: dict[str, str], tmp_path: Path) -> None:
    """Searchable agendas and minutes, registered, text for text alike each time."""
    other = tmp_path / "other"
    manage("demo_sites", "--pages", "40", env=env)
    manage("demo_sites", "--pages", "40", "--sites-dir", str(other), env=env)

    assert [site for site, _, _ in _sites(env)] == ["alameda.ca", "ashland.or", "burlington.vt"]
    assert [pages for pages, _ in _details(env).values()] == [40, 40, 40]
    for site, _, _ in _sites(env):
        pages = _pages(Path(env["SITES_DIR"]) / site / "meetings.db")
        assert len(pages) == 40
        assert pages == _pages(other / site / "meetings.db")
        assert [path.name for path in (other / site).iterdir()] == ["meetings.db"]


def _get(address: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return web.get(address, headers=headers)


def _pages(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as database:
        search = "SELECT count(*) FROM minutes_fts WHERE minutes_fts MATCH 'moved councilmembers'"
        assert database.execute(search).fetchone()[0] > 0
        columns = "id, meeting, date, page, text, page_image"
        union = f"SELECT {columns} FROM agendas UNION ALL SELECT {columns} FROM minutes"
        return database.execute(f"{union} ORDER BY id").fetchall()


def test_demo_sites_leave_existing_data_alone(env: dict[str, str]) -> None:
    """Unless told otherwise."""
    path = Path(env["SITES_DIR"]) / "alameda.ca" / "meetings.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")

    assert "exists already" in manage("demo_sites", "--pages", "12", env=env)
    assert path.read_bytes() == b"mine"

    assert _details(env)["alameda.ca"] == (None, None), "nothing is known of it"

    manage("demo_sites", "--pages", "12", "--force", env=env)
    assert len(_pages(path)) == 12
    assert _details(env)["alameda.ca"][0] == 12


def test_serve_makes_an_empty_checkout_worth_a_look(tmp_path: Path) -> None:
    """It migrates, makes sites, prints addresses that work, and stops on Ctrl-C.

    What a page did is soon in the viewer; that ends with the server.
    """
    port, viewer_port = free_port(), free_port()
    env = host_environment(tmp_path, SECRET_KEY="", PORT=str(port), VIEWER_PORT=str(viewer_port))
    viewer = f"http://{HOST}:{viewer_port}"

    with program([sys.executable, "manage.py", "serve"], env=env) as running:
        # The viewer's environment may have to be made first.
        running.wait_until(lambda: accepts_connections(port), timeout=5 * PATIENCE)
        for address in ("localhost", "alameda.ca.localhost", "burlington.vt.localhost"):
            assert f"http://{address}:{port}/" in running.output()
            headers = {"host": f"{address}:{port}"}
            assert _get(f"http://{HOST}:{port}/", headers).status_code == 200
        assert f"Viewer: {viewer}/" in running.output()
        home = _get(f"http://{HOST}:{port}/", headers)
        trace_id = home.headers["traceresponse"][3:35]
        address = f"{viewer}/trace/{trace_id}"
        running.wait_until(lambda: _get(address).status_code == 200)
        assert "burlington.vt" in _get(address).text
        running.stop(signal.SIGINT)
    # The viewer does not outlive its server.
    wait_until(lambda: not accepts_connections(viewer_port))

    assert "Traceback" not in running.output()


def test_serve_sends_where_it_is_told(tmp_path: Path) -> None:
    """Then no viewer is started, and none is spoken of."""
    port = free_port()
    with OTLPReceiver() as receiver:
        env = host_environment(
            tmp_path, PORT=str(port), OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, VIEWER_PORT="1"
        )
        with program([sys.executable, "manage.py", "serve"], env=env) as running:
            running.wait_until(lambda: accepts_connections(port))
            _get(f"http://{HOST}:{port}/", {"host": f"localhost:{port}"})
            running.stop(signal.SIGINT)
        assert receiver.spans
    assert "Viewer:" not in running.output()


def test_serve_names_a_viewer_s_port_that_is_taken(env: dict[str, str]) -> None:
    """And that it can do without."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        wanted = rf"port {port}: .*--viewer-port \d+ \(or set VIEWER_PORT\), or none: --no-viewer"
        with pytest.raises(AssertionError, match=wanted):
            manage("serve", "--port", str(free_port()), env={**env, "VIEWER_PORT": str(port)})


def test_serve_names_a_port_that_is_taken(env: dict[str, str]) -> None:
    """And says how to choose another, before doing any work."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match=rf"port {port}: .*--port \d+ \(or set PORT\)"):
            manage("serve", "--port", str(port), env=env)

    assert not os.path.exists(env["SITES_DIR"])


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1"])
def test_serve_refuses_what_is_no_port(env: dict[str, str], value: str) -> None:
    """Naming where the value came from."""
    with pytest.raises(AssertionError, match=rf"CommandError: PORT is '{value}': wanted a port"):
        manage("serve", env={**env, "PORT": value})


def test_interrupted_demo_sites_are_completed_later(env: dict[str, str]) -> None:
    """Ctrl-C while they are made prints no traceback, and registers nothing half-made."""
    first = Path(env["SITES_DIR"]) / "alameda.ca"
    command = [sys.executable, "manage.py", "demo_sites", "--pages", "200000"]

    with program(command, env=env) as running:
        running.wait_until(first.exists)
        assert running.stop(signal.SIGINT) == 130

    assert "Traceback" not in running.output()
    assert _sites(env) == []
    assert list(first.iterdir()) == []
