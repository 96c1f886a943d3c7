"""Logfire's destinations: a comma list of tokens, each of which names its region."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telemetry.settings import variables as v
from telemetry.settings.model import LogfireProject

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader

# The format that Logfire's SDK reads: pylf_v<version>_<region>_<secret>.
_TOKEN = re.compile(r"pylf_v\d+_(?P<region>[a-z]+)_")
REGIONS = {
    "us": "https://logfire-us.pydantic.dev",
    "eu": "https://logfire-eu.pydantic.dev",
}


def read_projects(reader: Reader, *, used: bool) -> tuple[LogfireProject, ...]:
    """Return the projects if a signal uses ``logfire``. A missing token is then a problem."""
    if not used:
        return ()
    with reader.setting("logfire"):
        tokens = reader.get(v.LOGFIRE_TOKEN)
        if reader.given(v.LOGFIRE_TOKEN) is None:
            reader.problem(v.LOGFIRE_TOKEN, "", "a write token, since an exporter names logfire")
        base = reader.get(v.LOGFIRE_BASE_URL)
    if base is not None:
        return tuple(LogfireProject(token, base.rstrip("/")) for token in tokens)
    return tuple(LogfireProject(token, _region(reader, token)) for token in tokens)


def address_of(token: str) -> str | None:
    """Return the address of a token's region, or None if the token names no known region."""
    match = _TOKEN.match(token)
    return REGIONS.get(match["region"]) if match else None


def _region(reader: Reader, token: str) -> str:
    address = address_of(token)
    if address:
        return address
    reader.notes.append(
        f"{v.LOGFIRE_TOKEN} names {'an unknown' if _TOKEN.match(token) else 'no'} region: "
        f"sending to the US one; {v.LOGFIRE_BASE_URL} says otherwise"
    )
    return REGIONS["us"]
