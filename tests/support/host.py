"""The host with a database and sites, ready to be served."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import django

from tests.support.cache import cache_of, cached, digest
from tests.support.civic import build_meetings
from tests.support.environment import clean_environment
from tests.support.forks import python
from tests.support.locks import locked
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

CIVIC_SITE = "cleveland.oh"
DEMO_PAGES = 300


def host_environment(folder: Path, **overrides: str) -> dict[str, str]:
    """Give the environment of a host that keeps everything it has in `folder`."""
    values = {
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "SITES_DIR": str(folder / "sites"),
        "SECRET_KEY": "only-for-tests",
        # To tests it is a page like any other.
        "TELEMETRY_UNTRACED_PATHS": r"/static/,/-/static/,/-/static-plugins/,/favicon\.ico$",
        "TELEMETRY_UNLOGGED_PATHS": "none",
        # Otherwise every page redirects to an address that nobody serves here.
        "HTTPS": "0",
    }
    return clean_environment(**{**values, **overrides})


def migrated_host(folder: Path, **overrides: str) -> dict[str, str]:
    """Give the environment of a host whose database is migrated, and empty.

    A copy of one that was made for all who have the same migrations: `migrate`
    takes a second.
    """
    migrations = sorted((ROOT / "config" / "sites" / "migrations").glob("*.py"))
    sources = [ROOT / "config" / "settings.py", *migrations]
    name = digest(django.__version__, [(path.name, path.read_bytes()) for path in sources])

    def build(unfinished: Path) -> None:
        unfinished.mkdir()
        manage("migrate", "--verbosity=0", env=host_environment(unfinished))

    shutil.copytree(cached(cache_of("databases"), name, build), folder, dirs_exist_ok=True)
    return host_environment(folder, **overrides)


def prepare_host(folder: Path) -> dict[str, str]:
    """Register sites and give the environment to serve them with.

    The site is `cleveland.oh` where the real minutes are at hand, and the
    project's own demonstration sites elsewhere.
    """
    env = migrated_host(folder)
    if build_meetings(folder / "sites" / CIVIC_SITE):
        manage("register_site", CIVIC_SITE, "--name", "Cleveland", "--state", "OH", env=env)
    else:
        manage("demo_sites", "--pages", str(DEMO_PAGES), env=env)
    return env


def host_template(shared: Path) -> Path:
    """Prepare a host once for all who share the folder, and give its folder."""
    template = shared / "host-template"
    with locked(shared / "host-template.lock"):
        if not template.exists():
            # Renamed when complete: a build that failed half-way is not there.
            unfinished = shared / "host-template.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            prepare_host(unfinished)
            unfinished.rename(template)
    return template


def copy_host(template: Path, folder: Path) -> dict[str, str]:
    """Copy a prepared host, so that a test can write to it."""
    shutil.copytree(template, folder)
    return host_environment(folder)


def add_sites(
    env: Mapping[str, str], sites: Iterable[tuple[str, str | None, str | None, int | None]]
) -> None:
    """Register many sites at once: subdomain, name, state and pages of each."""
    path = env["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database, database:
        columns = "subdomain, name, state, pages"
        database.executemany(f"INSERT INTO sites ({columns}) VALUES (?, ?, ?, ?)", sites)


def manage(*arguments: str, env: Mapping[str, str]) -> str:
    """Run `manage.py` and give its output. Raises AssertionError with it on failure."""
    done = python("manage.py", *arguments, env=env)
    output = done.stdout + done.stderr
    assert not done.returncode, f"manage.py {' '.join(arguments)} failed:\n{output}"
    return output
