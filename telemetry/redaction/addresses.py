"""Redacts the user and the password of addresses in any text."""

from __future__ import annotations

import re
from typing import Final

from telemetry.redaction.bounds import bounded
from telemetry.registry.redaction import REDACTED, REDACTED_IN_URL

# Passwords that are not percent-encoded have any other character.
_ADDRESS = re.compile(r":(?:\\{0,7}/){2}([^\s\"<>`]*+)")
# As curl and others take it: `-u bob:password`, `'--user', 'bob:password'`. Numbers are those of a
# user and a group.
_USER_OPTION = re.compile(
    r"(-(?<![\w-].)(?:u|-(?:proxy-)?user))"
    r"([ =]{0,2}[\"',]{0,3} ?[\"']?[^\s:\"'/=-][^\s:\"'/]{0,63}:)(?![0-9]+\b)([^\s\"']++)"
)
# The next address of a list.
_NEXT = re.compile(r"(?<=[,;'|])(?=[a-zA-Z][\w+.-]{1,20}://)")
_USER = re.compile(r"[^\s/?#@:'\"<>\[\]]*:")
_PORT = re.compile(r"[0-9]{1,5}(?:[/?#]|\Z)")
_END_OF_AUTHORITY = re.compile(r"[/?#']")
# Schemes whose addresses often have a port and, in the path, an `@`.
_WEB: Final = ("http", "https", "ws", "wss")
_LONGEST_WEB: Final = 5
_MAX_ADDRESSES: Final = 96


def without_users(text: str) -> str:
    """The text without user information in URLs, also if a password has ``/ # ? '`` or ``@``."""
    return bounded(_ADDRESS, _shown, text, _MAX_ADDRESSES)


def without_user_options(text: str) -> str:
    """The text without passwords behind an option for user and password."""
    return bounded(_USER_OPTION, _without_password, text)


def _without_password(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}{REDACTED}"


def _shown(match: re.Match[str]) -> str:
    addresses, start = match[1], match.start()
    if "@" not in addresses:
        return match[0]
    scheme = match.string[max(0, start - _LONGEST_WEB) : start]
    first, *others = _NEXT.split(addresses)
    parts = [match[0][: -len(addresses)], _without_user(scheme, first)]
    for other in others:
        scheme, separator, address = other.partition("://")
        parts += (scheme, separator, _without_user(scheme, address))
    return "".join(parts)


def _without_user(scheme: str, address: str) -> str:
    user = _USER.match(address)
    if user is not None and not (
        scheme.lower().endswith(_WEB) and _PORT.match(address, user.end())
    ):
        # The last one: another may be a part of the password.
        at = address.rfind("@")
    else:
        end = _END_OF_AUTHORITY.search(address)
        at = address.rfind("@", 0, end.start() if end else len(address))
    return address if at < 0 else f"{REDACTED_IN_URL}{address[at:]}"
