"""Converts values of any type to what the store's columns and the pages can hold."""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any

from telemetry.export.lenient import Oddity, shown

if TYPE_CHECKING:
    from telemetry.export.lenient import Oddities

MAX_NAME = 1_000
"""Limit of names in characters."""
MAX_TEXT = 65_536
"""Limit of any other text in characters."""
MAX_VALUES = 2_000
"""Limit of the values of one item: its attributes and what they contain."""
LARGEST = 2**63 - 1
"""The largest integer of SQLite."""
NS = 1_000_000_000
_HUGE = 1e15
_DAY = 24 * 3600 * NS
# A time before the year 2000 is one in another unit, such as milliseconds.
_EARLIEST = 946_684_800 * NS


class Attributes:
    """Attributes as they are stored: shortened, and as JSON."""

    def __init__(self, values: dict[str, object], odd: Oddities) -> None:
        self._room = MAX_VALUES
        self._cut = 0
        self._left_out = 0
        self.values: dict[str, Any] = self._kept_dict(values)
        if self._left_out:
            odd.append(Oddity(f"more than {MAX_VALUES} values", f"{self._left_out} left out"))
        if self._cut:
            odd.append(
                Oddity(f"values of more than {MAX_TEXT} characters", f"{self._cut} shortened")
            )

    def json(self) -> str:
        """Return them as JSON that SQLite reads."""
        return to_json(self.values)

    def _kept_dict(self, values: dict[str, object]) -> dict[str, Any]:
        found = {}
        for name, value in values.items():
            if self._take():
                found[cut(name, MAX_NAME)] = self._kept(value)
        return found

    def _kept(self, value: object) -> Any:
        if isinstance(value, str):
            self._cut += len(value) > MAX_TEXT
            return cut(value, MAX_TEXT)
        if isinstance(value, bytes):
            self._cut += len(value) > MAX_TEXT
            # As in OTLP's JSON. A text alone would look like any other.
            return {"bytesValue": base64.b64encode(value[:MAX_TEXT]).decode()}
        if isinstance(value, list):
            return [self._kept(each) for each in value if self._take()]
        return self._kept_dict(value) if isinstance(value, dict) else value

    def _take(self) -> bool:
        self._room -= 1
        self._left_out += self._room < 0
        return self._room >= 0


def cut(text: str, limit: int) -> str:
    """Return a text of at most that many characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def text(value: object, what: str, odd: Oddities, limit: int = MAX_NAME) -> str | None:
    """Return a value for a column of text. One of another type becomes its JSON, and is odd."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        odd.append(Oddity(f"{what}: wanted text", shown(value)))
        value = to_json(value)
    elif len(value) > limit:
        odd.append(Oddity(f"{what}: more than {limit} characters", f"{len(value)} characters"))
    return cut(value, limit)


def status_code(value: object, odd: Oddities) -> int | None:
    """Return the value of `http.response.status_code`, or None if it is none."""
    if value is None:
        return None
    found = number(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 999:
        return value
    odd.append(Oddity("http.response.status_code: wanted a number up to 999", shown(value)))
    return int(found) if 0 < found <= 999 else None


def number(value: object) -> float:
    """Return a value as a number of up to 15 digits. Text is read; anything else is 0."""
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value)
        except ValueError:
            return 0
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0
    return min(max(value, -_HUGE), _HUGE) if math.isfinite(value) else 0


def numbers(value: object) -> list[float]:
    """Return a value as a list of finite numbers."""
    return [number(each) for each in value] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """Return a value as a list of texts."""
    if not isinstance(value, list):
        return []
    return [each if isinstance(each, str) else to_json(each) for each in value]


def time_ns(value: int, what: str, received: int, odd: Oddities) -> int | None:
    """Return a time in nanoseconds since the epoch, or None if it can't be one.

    Args:
        value: Time as sent.
        what: Name of the field.
        received: Time of arrival, in nanoseconds since the epoch.
        odd: Where an oddity is noted.
    """
    if _EARLIEST <= value <= received + _DAY:
        return value
    if value == 0:
        odd.append(Oddity(f"{what}: missing"))
    elif value < _EARLIEST:
        odd.append(Oddity(f"{what}: before the year 2000", f"{value} ns"))
    else:
        odd.append(Oddity(f"{what}: more than a day ahead", f"{value} ns"))
    return None


def whole(value: int, what: str, odd: Oddities) -> int:
    """Return an integer of at most 64 bits with sign, which is what SQLite stores."""
    if value <= LARGEST:
        return value
    odd.append(Oddity(f"{what}: more than 63 bits", str(value)))
    return LARGEST


def finite(value: float, what: str, odd: Oddities) -> float | None:
    """Return a number, or None for one that is infinite or not a number."""
    if math.isfinite(value):
        return value
    odd.append(Oddity(f"{what}: wanted a finite number", str(value)))
    return None


def to_json(value: Any) -> str:
    """Return a value as JSON that SQLite reads: NaN and infinity become strings."""
    try:
        return json.dumps(value, ensure_ascii=False, default=_bytes, allow_nan=False)
    except ValueError:
        readable = json.loads(json.dumps(value, default=_bytes), parse_constant=str)
        return json.dumps(readable, ensure_ascii=False)


def _bytes(value: bytes) -> Any:
    return {"bytesValue": base64.b64encode(value).decode()}
