"""Destinations of the collector, and the variables that each needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.cache import cache_folder
from telemetry.settings.logfire import address_of

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent
BASE = FOLDER.parent / "otel-collector.yaml"
STORAGE = "COLLECTOR_STORAGE"
# A variable without a default (`:-`). Those in _OPTIONAL may be empty, since not every
# backend needs them.
_NEEDED = re.compile(r"\$\{env:(\w+)\}")
_OPTIONAL = {"DEST_AUTHORIZATION"}


class WrongDestinationError(Exception):
    """The destination doesn't exist, or variables are missing. Names them."""


def destinations() -> list[str]:
    """Return the names of the destinations, which are those of their files."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "builder")


def completed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables, with defaults for those that are unset."""
    token = environ.get("LOGFIRE_TOKEN", "")
    found = {
        STORAGE: str(cache_folder() / "collector-queues"),
        "LOGFIRE_BASE_URL": address_of(token) or "",
    }
    return found | {name: value for name, value in environ.items() if value or name not in found}


def configuration(destination: str, environ: Mapping[str, str]) -> list[str]:
    """Return the collector's arguments for a destination.

    Raises:
        WrongDestinationError: The destination doesn't exist, or variables are missing. Names
            each of them.
    """
    if destination not in destinations():
        raise WrongDestinationError(
            f"DEST is {destination!r}: wanted one of {', '.join(destinations())}"
        )
    path = FOLDER / f"{destination}.yaml"
    needed = {STORAGE, *_NEEDED.findall(path.read_text(encoding="utf-8"))} - _OPTIONAL
    missing = sorted(name for name in needed if not environ.get(name, "").strip())
    if missing:
        raise WrongDestinationError(
            f"DEST={destination} needs {' and '.join(missing)}; {path.name} says what for"
        )
    return [f"--config={BASE}", f"--config={path}"]
