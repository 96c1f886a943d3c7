"""Where the collector can send, and what each destination has to be told."""

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
# With no `:-` and what to use instead. One of them may be empty: not every backend wants it.
_NEEDED = re.compile(r"\$\{env:(\w+)\}")
_OPTIONAL = {"DEST_AUTHORIZATION"}


class WrongDestinationError(Exception):
    """It doesn't exist, or isn't told all that it needs. Names what is missing."""


def destinations() -> list[str]:
    """Their names, which are their files'."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "builder")


def completed(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables, and those that follow from where we are and from what is set."""
    token = environ.get("LOGFIRE_TOKEN", "")
    found = {
        STORAGE: str(cache_folder() / "collector-queues"),
        "LOGFIRE_BASE_URL": address_of(token) or "",
    }
    return found | {name: value for name, value in environ.items() if value or name not in found}


def configuration(destination: str, environ: Mapping[str, str]) -> list[str]:
    """The collector's arguments for a destination.

    Raises:
        WrongDestinationError: naming each variable that is missing.
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
