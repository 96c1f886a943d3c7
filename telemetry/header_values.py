"""Removes the values of a request's headers from texts, such as an exception's message.

By value, and not by the messages that quote them: Django's of CSRF quote Referer and Origin, and
other libraries quote other headers.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Final

from telemetry.registry.contents import is_credential
from telemetry.registry.redaction import REDACTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MIN_VALUE: Final = 6
"""Characters. A shorter value of a header is a word that texts have in any case."""
MIN_CUT: Final = 4096
"""Characters. No limit cuts a shorter text before the values are removed from it."""
MAX_VALUES: Final = 256
"""Number of values of one request that are looked for; the longest of them."""

# Headers that say nothing of a person, and whose values are words of any text: "keep-alive",
# "text/html". One whose name is that of a credential is not ordinary.
_ORDINARY = frozenset(
    {"connection", "upgrade", "te", "cache-control", "pragma", "dnt", "priority", "keep-alive"}
)
_ORDINARY_BEGIN = ("accept", "sec-", "content-", "if-")
# Clients in browsers can set no other header of a WebSocket, and put tokens here.
_PROTOCOLS = "sec-websocket-protocol"
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?")
"""A Host header that names a host, as `server.address` does."""
# Characters that `repr` or JSON may escape.
_ESCAPED = re.compile(r"['\"\\\x00-\x1f\x7f-\uffff]")


def header_values(
    headers: Iterable[tuple[bytes, bytes]], shown: re.Pattern[str] | None
) -> tuple[str, ...]:
    """The values that no text may have, in each form in which a message may quote them.

    The longest is first: an Origin is the beginning of a Referer.

    Args:
        headers: the headers of the request, as in ASGI's scope.
        shown: the names, in small letters, of headers that are configured to be recorded.
    """
    found = {form: None for value in _private(headers, shown) for form in _forms(value)}
    return tuple(sorted(found, key=len, reverse=True)[:MAX_VALUES])


def without(values: Iterable[str], text: str) -> str:
    """The text with each of the values replaced, also if a limit has cut it at the text's end."""
    may_be_cut = len(text) >= MIN_CUT
    for value in values:
        if value in text:
            text = text.replace(value, REDACTED)
        if may_be_cut:
            text = _without_beginning(value, text)
    return text


def _without_beginning(value: str, text: str) -> str:
    begin = value[:MIN_VALUE]
    at = text.find(begin, max(0, len(text) - len(value)))
    while at >= 0:
        if value.startswith(text[at:]):
            return text[:at] + REDACTED
        at = text.find(begin, at + 1)
    return text


def _private(
    headers: Iterable[tuple[bytes, bytes]], shown: re.Pattern[str] | None
) -> Iterator[str]:
    for key, content in headers:
        name = key.decode("latin-1").lower()
        if _is_ordinary(name) or (shown is not None and shown.fullmatch(name)):
            continue
        value = content.decode("latin-1").strip()
        if name == "host" and HOST.fullmatch(value):
            continue
        yield value
        if name == "cookie":
            yield from (pair.partition("=")[2].strip().strip('"') for pair in value.split(";"))
        elif name.endswith("authorization"):
            yield from _credentials(value)
        elif name == _PROTOCOLS or "forwarded" in name:
            yield from map(str.strip, value.split(","))


def _is_ordinary(name: str) -> bool:
    if name != _PROTOCOLS and (name in _ORDINARY or name.startswith(_ORDINARY_BEGIN)):
        return not is_credential(name)
    return False


def _credentials(value: str) -> Iterator[str]:
    """The credentials behind a scheme, and the user and the password in those of Basic."""
    scheme, _, credentials = value.partition(" ")
    credentials = credentials.strip()
    yield credentials
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(credentials).decode("utf-8", "replace")
        except ValueError:
            return
        yield decoded
        yield decoded.partition(":")[2]


def _forms(value: str) -> Iterator[str]:
    if len(value) < MIN_VALUE:
        return
    yield value
    if _ESCAPED.search(value):
        # As in the text of a KeyError, of bytes and in JSON.
        yield from _quoted(value)
        raw = value.encode("latin-1", "replace")
        yield repr(raw)[2:-1]
        # Frameworks decode as latin-1 or as UTF-8.
        decoded = raw.decode("utf-8", "replace")
        if len(decoded) >= MIN_VALUE:
            yield decoded
            yield from _quoted(decoded)


def _quoted(value: str) -> Iterator[str]:
    yield repr(value)[1:-1]
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
