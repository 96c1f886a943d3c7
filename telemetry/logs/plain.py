"""Converts logged values to values that JSON can represent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.header_values import without
from telemetry.registry import redaction
from telemetry.request import any_record, last_header_values

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from telemetry.request import RequestRecord

MAX_DEPTH = 6
MAX_ITEMS = 200
# The longest text that may be redacted, before it is.
MAX_TEXT = redaction.MAX_TEXT + redaction.MARGIN


def plain(value: object, depth: int = MAX_DEPTH) -> Any:
    """A copy that consists of strings, numbers, lists and dicts. Never raises.

    Lists and dicts have at most ``MAX_ITEMS`` items. Values that are nested deeper
    than ``depth``, cycles included, become text. So do values without a JSON form:
    NaN, bytes and other objects.
    """
    try:
        return _plain(value, depth)
    except Exception:  # noqa: BLE001 # any object may be logged
        return text(value)


def _plain(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        # Most JSON readers lose digits beyond the precision of a double.
        return int(value) if abs(value) < 1 << 53 else text(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else text(value)
    if depth > 0 and isinstance(value, Mapping):
        pairs = list(value.items())[:MAX_ITEMS]
        return {text(key): plain(item, depth - 1) for key, item in pairs}
    if depth > 0 and isinstance(value, list | tuple | Set):
        return [plain(item, depth - 1) for item in list(value)[:MAX_ITEMS]]
    return text(value)


def text(value: object) -> str:
    """The value's text, truncated to ``MAX_TEXT`` characters; lone surrogates are escaped."""
    if type(value) is str and len(value) <= MAX_TEXT and value.isascii():
        # The common case; the code below costs five times as much.
        return value
    try:
        found = value if isinstance(value, str) else _text(value)
        # A subclass of str may override methods, so str's own is called.
        found = str.__str__(found)[:MAX_TEXT]
    except Exception:  # noqa: BLE001 # `repr` and `str` may raise anything
        return f"<{type(value).__name__} that can't be shown>"
    return found.encode("utf-8", "backslashreplace").decode()


class Event(NamedTuple):
    """A message that is a dictionary: what it says, and its other fields."""

    message: str
    fields: dict[str, Any]


def event_of(record: logging.LogRecord) -> Event | None:
    """A message that is a dictionary, as structlog's and python-json-logger's may be, or None."""
    found: Any = record.msg
    if not isinstance(found, dict) or record.args:
        return None
    for name in ("event", "message"):
        if isinstance(found.get(name), str):
            rest = {str(key): value for key, value in found.items() if key != name}
            return Event(found[name], rest)
    return None


def message_of(record: logging.LogRecord) -> str:
    """The formatted message, or the template and a number of arguments if formatting fails.

    Which argument belongs to which name, and so which one is a credential, is not known then.
    """
    event = event_of(record)
    if event is not None:
        return without_headers(text(event.message))
    try:
        message = text(record.getMessage())
    except Exception:  # noqa: BLE001 # `logging` would print a traceback instead
        args = record.args or ()
        message = f"{text(record.msg)} % ({len(args)} argument{'s' * (len(args) != 1)})"
    return without_headers(message)


def without_headers(message: str) -> str:
    """The text without the values of the current request's headers, or of one that has failed."""
    request = any_record()
    if request is not None:
        return request.without_headers(message)
    return without(last_header_values(), message)


def all_without_headers(value: Any, request: RequestRecord | None = None) -> Any:
    """A value as `plain` returns it, without the values of a request's headers.

    Args:
        value: the value.
        request: the current one unless given.
    """
    remove = without_headers if request is None else request.without_headers
    return _all_without(value, remove, MAX_DEPTH)


def _all_without(value: Any, remove: Callable[[str], str], depth: int) -> Any:
    if isinstance(value, str):
        return remove(value)
    if depth > 0 and isinstance(value, dict):
        return {
            _all_without(key, remove, 0): _all_without(item, remove, depth - 1)
            for key, item in value.items()
        }
    if depth > 0 and isinstance(value, list | tuple):
        return [_all_without(item, remove, depth - 1) for item in value]
    return value


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)[:MAX_TEXT].decode("utf-8", "backslashreplace")
    return str(value)
