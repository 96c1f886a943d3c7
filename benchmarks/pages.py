"""The measured pages: a small one, an average one and a large one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datasette.utils import tilde_encode

from telemetry.configuration import LOGFIRE_PLUGIN, PYDANTIC_PLUGINS
from tests.support.host import DEMO_PAGES, manage, migrated_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT_DOMAIN = "civic.band"


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `requests` is the number of its requests in a round."""

    title: str
    host: str
    path: str
    requests: int
    status: int = 200


def prepare(folder: Path) -> dict[str, str]:
    """Create a host with the demonstration sites, which are the same on each machine."""
    # Otherwise each host imports Logfire, since it is installed here: 300 modules more, which the
    # garbage collector looks through.
    env = migrated_host(folder, **{PYDANTIC_PLUGINS: LOGFIRE_PLUGIN})
    manage("demo_sites", "--pages", str(DEMO_PAGES), env=env)
    return env


def choose_pages(env: Mapping[str, str]) -> Sequence[Page]:
    """Return the pages of a prepared host, the same in each run.

    With this number of requests, a round takes the bare host at least half a second
    of CPU: far more than reading the clock and flushing.
    """
    meetings = min(Path(env["SITES_DIR"]).glob("*/meetings.db"))
    site = f"{meetings.parent.name}.{ROOT_DOMAIN}"
    row = f"/meetings/minutes/{tilde_encode(_middle_row(meetings))}.json"
    return (
        # A normal view of the host, which no variable excludes by default.
        Page("small async Django view", ROOT_DOMAIN, "/health/", 300),
        Page("Datasette, a row as JSON", site, row, 200),
        Page("Datasette, a table page", site, "/meetings/minutes", 60),
    )


def _middle_row(meetings: Path) -> str:
    with closing(sqlite3.connect(meetings)) as connection:
        query = (
            "select id from minutes order by id limit 1 offset (select count(*) / 2 from minutes)"
        )
        [[key]] = connection.execute(query)
        return str(key)
