"""Redacts the user and the password of addresses in any text."""

from __future__ import annotations

import re
from typing import Final

from telemetry.redaction.bounds import CUT, MAX_MATCHES
from telemetry.registry.redaction import REDACTED_IN_URL

# Passwords that are not percent-encoded have any other character.
_ADDRESS = re.compile(r"[^\s\"<>`]*")
_USER = re.compile(r"[^\s/?#@:'\"<>\[\]]*:")
_PORT = re.compile(r"[0-9]{1,5}(?:[/?#]|\Z)")
_END_OF_AUTHORITY = re.compile(r"[/?#']")
# Schemes whose addresses often have a port and, in the path, an `@`.
_WEB: Final = ("http", "https", "ws", "wss")


def without_users(text: str) -> str:
    """The text without user information in URLs, also if a password has ``/ # ? '`` or ``@``."""
    scheme, *rest = text.split("://", MAX_MATCHES)
    parts = [scheme]
    for part in rest:
        parts.append(_without_user(scheme, part))
        scheme = part
    if len(rest) == MAX_MATCHES and "://" in parts[-1]:
        parts[-1] = CUT
    return "://".join(parts)


def _without_user(scheme: str, part: str) -> str:
    if "@" not in part:
        return part
    found = _ADDRESS.match(part)
    address = found[0] if found else ""
    user = _USER.match(address)
    if user is not None and not (
        scheme.lower().endswith(_WEB) and _PORT.match(address, user.end())
    ):
        # The last one: another may be a part of the password.
        at = address.rfind("@")
    else:
        end = _END_OF_AUTHORITY.search(address)
        at = address.rfind("@", 0, end.start() if end else len(address))
    return part if at < 0 else f"{REDACTED_IN_URL}{part[at:]}"
