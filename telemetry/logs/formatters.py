"""Formatters: a log record as a line of JSON or text."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from telemetry.logs import access
from telemetry.logs.client_errors import level_of
from telemetry.logs.context import context_of
from telemetry.logs.exception import exception_fields, traceback_of
from telemetry.logs.extra import extra_of
from telemetry.logs.plain import message_of, text
from telemetry.redaction.redactor import Redactor
from telemetry.registry import log_fields as f
from telemetry.settings.model import RedactionSettings
from telemetry.terminal import CYAN, DIM, RED, YELLOW, Terminal, printable, without_controls

if TYPE_CHECKING:
    from telemetry.logs.access import Said, Where

# Created once: `json.dumps` creates an encoder for each call with other separators.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TIME, _LEVEL, _LOGGER, _MESSAGE = map(str, (f.TIME, f.LEVEL, f.LOGGER, f.MESSAGE))
_TRACE_ID, _SPAN_ID, _TRACE_FLAGS = map(str, (f.TRACE_ID, f.SPAN_ID, f.TRACE_FLAGS))
_SITE, _ROUTE, _VERSION = map(str, (f.SITE, f.HTTP_ROUTE, f.SERVICE_VERSION))
_METHOD, _PATH, _STATUS, _MILLISECONDS, _BYTES, _OUTCOME, _KEPT, _ADDRESS, _AGENT = access.FIELDS
# What stands between the values of an access line.
_TO_TIME, _TO_BYTES, _END = f'{{"{_TIME}":"', f',"{_BYTES}":', '",'
_TO_TRACE, _TO_SPAN, _TO_FLAGS = f'"{_TRACE_ID}":"', f'","{_SPAN_ID}":"', f'","{_TRACE_FLAGS}":"'
# Characters that end a line for some programs, hide text, or change its direction.
_HIDDEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
_COLORS = {"WARNING": YELLOW, "ERROR": RED, "CRITICAL": RED}


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


class JSONFormatter(logging.Formatter):
    """One line of JSON for each record, with the names of `telemetry.registry.log_fields`.

    A record's ``extra`` fields follow by name; a name that is in use gets the prefix
    ``extra.``. Never raises: a value that can't be formatted becomes a placeholder.

    Args:
        release: the value of ``service.version``.
        redaction: what is redacted; everything unless given.
    """

    def __init__(
        self, release: str | None = None, redaction: RedactionSettings | None = None
    ) -> None:
        super().__init__()
        self._release = release
        self._redactor = Redactor(redaction or RedactionSettings())
        self._texts = _AccessTexts(self._redactor, release)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break."""
        context = context_of(record)
        when = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            f.TIME: when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            f.LEVEL: text(level_of(record)[1]),
            f.LOGGER: text(record.name),
            f.MESSAGE: message_of(record),
        }
        known = {
            f.TRACE_ID: context.trace_id,
            f.SPAN_ID: context.span_id,
            f.TRACE_FLAGS: context.trace_flags,
            f.SITE: context.site,
            f.HTTP_ROUTE: context.route,
            f.SERVICE_VERSION: self._release,
        }
        fields |= {key: text(value) for key, value in known.items() if value}
        fields |= exception_fields(record)
        fields |= extra_of(record, context, fields)
        line = _encode(self._redactor.attributes(fields))
        return line if line.isascii() and "\x7f" not in line else _HIDDEN.sub(_escaped, line)

    def access_line(self, level: int, created: float, context: Where, said: Said) -> str | None:
        """Return the line of an access record, with the fields and values that `format` gives.

        Returns None if rules of the host may match any part of a line: `format` has to make it.
        Ids, times, numbers and words from closed sets are not looked through for private data. Nor
        is the message once more: what is private in it is in the path.

        Args:
            level: the level of the record.
            created: Unix time in seconds.
            context: of the request, as a `LogContext`.
            said: what the line says of it, as an `Access`. The milliseconds are finite.
        """
        texts = self._texts
        if texts.generation is not self._redactor.generation:
            texts = self._texts = _AccessTexts(self._redactor, self._release)
        if not texts.are_enough:
            return None
        method, path, status, milliseconds, size, outcome, kept, address, agent = said
        trace_id, span_id, flags, site, route = context
        start, middle, end = texts.of(level, method, path, status, outcome, kept)
        ids = (
            f"{_TO_TRACE}{trace_id}{_TO_SPAN}{span_id}{_TO_FLAGS}{flags}{_END}" if trace_id else ""
        )
        line = (
            f"{_TO_TIME}{_rfc3339(created)}{_END}{start}{milliseconds:.1f} ms{_END}"
            f"{ids}{texts.repeated(site, route)}{middle}{milliseconds!r}{_TO_BYTES}{size}{end}"
        )
        if address is not None:
            line += f",{texts.field(_ADDRESS, address)}"
        if agent is not None:
            line += f",{texts.field(_AGENT, agent)}"
        line += "}"
        return line if line.isascii() and "\x7f" not in line else _HIDDEN.sub(_escaped, line)


class _AccessTexts:
    """Texts of access lines, redacted and encoded, which repeat from request to request.

    Args:
        redactor: redacts them, by the rules of its present generation.
        release: the value of ``service.version``.
    """

    def __init__(self, redactor: Redactor, release: str | None) -> None:
        # Read first: rules may change meanwhile, which is then noticed.
        self.generation = redactor.generation
        self.are_enough = not redactor.has_patterns
        """Whether nothing else of a line is redacted."""
        self._redactor = redactor
        self._release = release
        # A host may rename levels.
        self._start = lru_cache(8)(self._start_of)
        self.of = lru_cache(1024)(self._of)
        # As many as a large host has sites.
        self.repeated = lru_cache(16_384)(self._repeated)

    def _of(
        self, level: int, method: str, path: str, status: int | None, outcome: str, kept: bool
    ) -> tuple[str, str, str]:
        """What stands behind the time, before the milliseconds and behind the size."""
        shown, encoded = self._path(path)
        answer, code = ("no answer", "null") if status is None else (status, status)
        return (
            f'{self._start(level)}"{method} {shown} {answer} ',
            f'"{_METHOD}":"{method}","{_PATH}":{encoded},"{_STATUS}":{code},"{_MILLISECONDS}":',
            f',"{_OUTCOME}":"{outcome}","{_KEPT}":{"true" if kept else "false"}',
        )

    def _start_of(self, level: int) -> str:
        """What stands between the time and the message."""
        name = _encode(logging.getLevelName(level))
        return f'"{_LEVEL}":{name},"{_LOGGER}":"{access.LOGGER}","{_MESSAGE}":'

    def _path(self, path: str) -> tuple[str, str]:
        """The path in the message and as a field."""
        redactor, shown = self._redactor, access.shown_path(path)
        found = redactor.value(_PATH, text(path))
        # A rule may match what is shown of control characters.
        shown = found if shown == path else redactor.text(text(shown))
        return _encode(shown)[1:-1], _encode(found)

    def _repeated(self, site: str | None, route: str | None) -> str:
        known = (_SITE, site), (_ROUTE, route), (_VERSION, self._release)
        return "".join(f"{self.field(key, value)}," for key, value in known if value)

    def field(self, key: str, value: str) -> str:
        """A field: its name and its value."""
        return f'"{key}":{_encode(self._redactor.value(key, text(value)))}'


def _rfc3339(created: float) -> str:
    """Unix time in UTC, to the millisecond before."""
    global _second  # one name, so that threads see a time and its text together
    seconds = int(created)
    # Times are rounded to microseconds first, as `datetime` does.
    milliseconds = int((created - seconds) * 1000 + 0.0005)
    if milliseconds >= _THOUSAND or created < _PRECISE:
        when = datetime.fromtimestamp(created, UTC)
        return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    known, text = _second
    if known != seconds:
        text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        _second = seconds, text
    return text + _MILLISECONDS_OF_TIME[milliseconds]


_THOUSAND = 1000
# Seconds. Smaller numbers have digits beyond the microsecond.
_PRECISE = 1e9
_MILLISECONDS_OF_TIME = tuple(f"{number:03d}Z" for number in range(_THOUSAND))
# The last second, and its text.
_second = 0, ""


class ReadableFormatter(logging.Formatter):
    """A line of text: time, level, logger, site, message, first 8 digits of the trace id.

    Control characters are removed, since clients choose parts of the text. A traceback
    follows on separate lines.

    Args:
        color: whether to use colour on a terminal.
        stream: name of the stream in `sys` that is written to.
        redaction: what is redacted; everything unless given.
    """

    def __init__(
        self,
        *,
        color: bool = True,
        stream: str = "stdout",
        redaction: RedactionSettings | None = None,
    ) -> None:
        super().__init__()
        self._redactor = Redactor(redaction or RedactionSettings())
        self._color = color
        self._stream = stream

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and those of a traceback."""
        redacted = self._redactor.text
        # Looked up each time: a stream may be replaced.
        terminal = Terminal(getattr(sys, self._stream), color=self._color)
        context = context_of(record)
        when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        level = printable(redacted(level_of(record)[1]))
        parts = [
            terminal.paint(when, DIM),
            terminal.paint(level, _COLORS.get(level, DIM)),
            terminal.paint(printable(redacted(record.name)), DIM),
            terminal.paint(printable(redacted(context.site)), CYAN) if context.site else "",
            printable(redacted(message_of(record))),
            terminal.paint(f"trace {context.trace_id[:8]}", DIM) if context.trace_id else "",
        ]
        lines = [" ".join(part for part in parts if part)]
        traceback = redacted(traceback_of(record))
        # Indented: a line of an exception's message can't look like a log line.
        lines += [f"  {without_controls(line)}" for line in traceback.splitlines()]
        return "\n".join(lines)
