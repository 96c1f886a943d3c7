"""Spans of Datasette's pages, before and after short queries are aggregated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.environment import clean_environment
from tests.support.forks import python

if TYPE_CHECKING:
    from pathlib import Path


def aggregated_pages(host: Path, fold_below: float | None = None) -> dict[str, Any]:
    """Request the pages of one of a host's sites in a new process, and return the spans by page.

    `fold_below` is in seconds. None uses the default.
    """
    database = min((host / "sites").glob("*/meetings.db"))
    more = [] if fold_below is None else [str(fold_below)]
    done = python(
        "-m",
        "tests.telemetry.datasette.pages",
        str(database),
        *more,
        env=clean_environment(),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
