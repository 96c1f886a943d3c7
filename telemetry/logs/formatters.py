"""Formatters: a log record as a line of JSON or text."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from telemetry.logs.client_errors import level_of
from telemetry.logs.context import context_of
from telemetry.logs.exception import exception_fields, traceback_of
from telemetry.logs.extra import extra_of
from telemetry.logs.plain import message_of, text
from telemetry.redaction.redactor import Redactor
from telemetry.registry import log_fields as f
from telemetry.settings.model import RedactionSettings
from telemetry.terminal import CYAN, DIM, RED, YELLOW, Terminal, printable, without_controls

# Created once: `json.dumps` creates an encoder for each call with other separators.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_COLORS = {"WARNING": YELLOW, "ERROR": RED, "CRITICAL": RED}


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
        fields |= extra_of(record, fields)
        return _encode(self._redactor.attributes(fields))


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
        level = level_of(record)[1]
        parts = [
            terminal.paint(when, DIM),
            terminal.paint(level, _COLORS.get(level, DIM)),
            terminal.paint(printable(record.name), DIM),
            terminal.paint(printable(context.site), CYAN) if context.site else "",
            printable(redacted(message_of(record))),
            terminal.paint(f"trace {context.trace_id[:8]}", DIM) if context.trace_id else "",
        ]
        lines = [" ".join(part for part in parts if part)]
        traceback = redacted(traceback_of(record))
        lines += [without_controls(line) for line in traceback.splitlines()]
        return "\n".join(lines)
