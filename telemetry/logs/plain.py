"""Whatever was logged, as something that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

MAX_DEPTH = 6
MAX_ITEMS = 200
MAX_TEXT = 32_768


def plain(value: object, depth: int = MAX_DEPTH) -> Any:
    """A copy of strings, numbers, lists and dicts only; bounded, and never raising.

    What is too deep, cycles among it, becomes text. So does what JSON has no
    form for: NaN, bytes, any other object.
    """
    try:
        return _plain(value, depth)
    except Exception:  # noqa: BLE001 # whatever it is, it is to be logged
        return text(value)


def _plain(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        # More digits than a double holds are lost by most who read JSON.
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
    """Its text, cut, without what UTF-8 has no form for."""
    if type(value) is str and len(value) <= MAX_TEXT and value.isascii():
        # Almost all there is; the rest costs five times as much.
        return value
    try:
        found = value if isinstance(value, str) else _text(value)
        # A subclass may be anything: its characters are what counts.
        found = str.__str__(found)[:MAX_TEXT]
    except Exception:  # noqa: BLE001 # `repr` and `str` are anybody's
        return f"<{type(value).__name__} that can't be shown>"
    return found.encode("utf-8", "backslashreplace").decode()


def message_of(record: logging.LogRecord) -> str:
    """The message; the template and its arguments where they don't fit together."""
    try:
        return text(record.getMessage())
    except Exception:  # noqa: BLE001 # `logging` would print a traceback of its own instead
        return f"{text(record.msg)} % {text(plain(record.args))}"


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)[:MAX_TEXT].decode("utf-8", "backslashreplace")
    return str(value)
