"""The forms of a page: HTML, JSON and plain text, at the same address."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from telemetry.terminal import printable
from telemetry.viewer.server.values import cut, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HTML, JSON, TEXT = "text/html", "application/json", "text/plain"
SUFFIXES = {".json": JSON, ".txt": TEXT}
MAX_SHOWN = 2_000
"""Limit of a value on a page or in plain text, in characters. The JSON has all of it."""


def form_of(suffix: str | None, accept: str) -> str:
    """Return the media type to answer with: by the suffix, or else by the `Accept` header.

    HTML is the default, as it is for `*/*`.
    """
    if suffix:
        return SUFFIXES[suffix]
    best, chosen = 0.0, HTML
    for position, part in enumerate(accept.split(",")[:20]):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                weight = _weight(value)
        # Of equal ones, the first.
        weight -= position * 1e-6
        if weight > max(best, 0.0):
            if media in (HTML, JSON, TEXT):
                best, chosen = weight, media
            elif media in ("*/*", "text/*", "application/xhtml+xml"):
                best, chosen = weight, HTML
    return chosen


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def as_json(value: Any) -> str:
    """Return a page's content as indented JSON."""
    return json.dumps(json.loads(to_json(value)), ensure_ascii=False, indent=2) + "\n"


def shown(value: object, limit: int = MAX_SHOWN) -> str:
    """Return a value as text of limited length: texts as they are, others as JSON."""
    text = value if isinstance(value, str) else to_json(value)
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text)} characters)"


def clock(nanoseconds: int) -> str:
    """Return a time of day in the local time zone, with milliseconds."""
    moment = _moment(nanoseconds)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def moment(nanoseconds: int) -> str:
    """Return a date and time in ISO 8601."""
    return _moment(nanoseconds).isoformat(timespec="milliseconds")


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, tz=UTC).astimezone()


def milliseconds(value: float) -> str:
    """Return a duration, in seconds from 10 s on."""
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def size(value: float) -> str:
    """Return a number of bytes."""
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return lines of a table. The last column is not aligned, and numbers are on the right."""
    cells = [[cut(line(each), 120) for each in row] for row in rows]
    if not cells:
        return ["none"]
    widths = [
        max(len(heading), *(len(row[column]) for row in cells))
        for column, heading in enumerate(headings)
    ]
    numeric = [
        all(not row[column] or row[column][0].isdigit() for row in cells)
        for column in range(len(headings) - 1)
    ]
    numeric.append(False)
    found = []
    for row in ([str(heading) for heading in headings], *cells):
        aligned = [
            each.rjust(width) if right else each.ljust(width)
            for each, width, right in zip(row, widths, numeric, strict=True)
        ]
        found.append("  ".join(aligned).rstrip())
    return found


def line(value: object) -> str:
    """Return a value as one line without control characters, for a terminal."""
    if value is None:
        return ""
    return printable(" ".join(shown(value).split()))


def plain(lines: Iterable[str]) -> str:
    """Return lines as a text."""
    return "\n".join(lines) + "\n"
