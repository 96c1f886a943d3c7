"""Logfire's destinations: a comma list of tokens, each with the region that it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telemetry.settings import parse
from telemetry.settings import variables as v
from telemetry.settings.model import Destination

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader

# As Logfire's own SDK reads it: pylf_v<version>_<region>_<secret>.
_TOKEN = re.compile(r"pylf_v\d+_(?P<region>[a-z]+)_")
REGIONS = {
    "us": "https://logfire-us.pydantic.dev",
    "eu": "https://logfire-eu.pydantic.dev",
}

# Variables of Logfire's SDK that this layer honours; any other is named once at start-up.
HONOURED = frozenset(
    str(variable)
    for variable in (
        v.LOGFIRE_TOKEN,
        v.LOGFIRE_BASE_URL,
        v.LOGFIRE_SEND,
        v.LOGFIRE_SERVICE_NAME,
        v.LOGFIRE_SERVICE_VERSION,
        v.LOGFIRE_ENVIRONMENT,
        v.LOGFIRE_SAMPLE_RATE,
    )
)


def read_destinations(reader: Reader, *, used: bool) -> tuple[Destination, ...]:
    """The destinations, if any signal uses ``logfire``; a missing token is a problem then."""
    reader.parsed(_send, "", v.LOGFIRE_SEND)
    if not used:
        return ()
    tokens = parse.items(reader.text(v.LOGFIRE_TOKEN) or "")
    if not tokens:
        reader.problem(v.LOGFIRE_TOKEN, "", "a write token, since an exporter names logfire")
        return ()
    for index, token in enumerate(tokens, start=1):
        if not token.isascii() or not token.isprintable() or " " in token:
            reader.problem(v.LOGFIRE_TOKEN, token, f"a token of plain characters; item {index}")
    base = reader.parsed(parse.url, "", v.LOGFIRE_BASE_URL).rstrip("/")
    return tuple(Destination(token, base or _region(reader, token)) for token in tokens)


def address_of(token: str) -> str | None:
    """Where a token's region is, if it names one that is known."""
    match = _TOKEN.match(token)
    return REGIONS.get(match["region"]) if match else None


def _region(reader: Reader, token: str) -> str:
    address = address_of(token)
    if address:
        return address
    reader.notes.append(
        f"LOGFIRE_TOKEN names {'an unknown' if _TOKEN.match(token) else 'no'} region: "
        "sending to the US one; LOGFIRE_BASE_URL says otherwise"
    )
    return REGIONS["us"]


def _send(value: str) -> str:
    lowered = value.strip().lower()
    if lowered not in {*parse.TRUE, *parse.FALSE, "if-token-present"}:
        raise ValueError("true, false or if-token-present")
    return lowered
