"""Spans of Datasette's pages, before and after short queries are aggregated."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.support.environment import clean_environment
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def aggregated_pages(host: Path, fold_below: float | None = None) -> dict[str, Any]:
    """Request the pages of one of a host's sites in a new process, and return the spans by page.

    `fold_below` is in seconds. None uses the default.
    """
    database = min((host / "sites").glob("*/meetings.db"))
    more = [] if fold_below is None else [str(fold_below)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.telemetry.datasette.pages", str(database), *more],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
