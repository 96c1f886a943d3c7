"""What a visitor sends in a log line: no header's value, and no line of its own."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN

from telemetry.logs.formatters import JSONFormatter, ReadableFormatter
from telemetry.request import RequestRecord, attach_record

HEADERS = {
    b"referer": b"https://planted.example/secret/page",
    b"origin": b"https://planted.example",
    b"user-agent": b"Planted/1.0 (Bob)",
    b"x-forwarded-for": b"203.0.113.77",
    b"x-anything": b"planted words of a client",
    b"host": b"planted host!",
}
# Django's own messages, and a host's.
MESSAGES = [
    "Forbidden (Origin checking failed - %(origin)s does not match any trusted origins.): /login",
    "Forbidden (Referer checking failed - %(referer)s does not match any trusted origins.): /",
    "Invalid HTTP_HOST header: '%(host)s'. The domain name provided is not valid",
    "client %(x-forwarded-for)s with %(user-agent)s said %(x-anything)s",
]
FORGED = "12:00:00 ERROR host forged"
LINE_BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
HIDING = ["\x1b[2K", "\x1b[1A", "\x08", "\x00", "\u202e", "\u2066", "\u200f", "\ufeff", "\x9b"]
# An operating system's own command within a terminal's escape, and letters that are not shown.
HIDING += ["\x1b]52;c;aGk=\x07", "\x1b]8;;http://a\x1b\\", "\x7f", "\U000e0041", "\U0001d173"]


def record_of(message: str, error: BaseException | None = None, **extra: Any) -> logging.LogRecord:
    info = (type(error), error, None) if error is not None else None
    record = logging.LogRecord("host", logging.ERROR, __file__, 1, message, (), info)
    vars(record).update(extra)
    return record


def lines_of(record: logging.LogRecord) -> list[str]:
    return [JSONFormatter().format(record), ReadableFormatter().format(record)]


@pytest.mark.parametrize("template", MESSAGES)
def test_no_header_of_the_request_is_in_a_line(template: str) -> None:
    """Message, extra field and exception; but for those that a variable names."""
    text = template % {key.decode(): value.decode() for key, value in HEADERS.items()}
    record = RequestRecord("GET", INVALID_SPAN, {"headers": list(HEADERS.items())})
    token = context_api.attach(attach_record(record, Context()))
    try:
        logged = record_of(text, ValueError(text), reason=text)
        for line in lines_of(logged):
            assert not re.search("planted|bob|203.0", line, re.IGNORECASE)
    finally:
        context_api.detach(token)
    shown = RequestRecord("GET", INVALID_SPAN, {"headers": list(HEADERS.items())})
    shown.headers_shown = re.compile("user-agent|x-any.*")
    found = shown.without_headers(
        MESSAGES[3] % {k.decode(): v.decode() for k, v in HEADERS.items()}
    )
    assert found == ("client [REDACTED] with Planted/1.0 (Bob) said planted words of a client")


@pytest.mark.parametrize("mark", LINE_BREAKS + HIDING, ids=ascii)
def test_no_line_can_be_forged_or_hidden(mark: str) -> None:
    """In a message, a field, a logger's name, an exception's message; as JSON and as text."""
    text = f"bad{mark}{FORGED}"
    try:
        raise ValueError(text)
    except ValueError as error:
        logged = record_of(text, error, **{"field": text, f"key{mark}{FORGED}": 1})
        logged.exc_info = sys.exc_info()
    logged.name = text
    as_json, as_text = lines_of(logged)
    assert as_json.splitlines() == [as_json]
    assert mark not in as_json
    assert json.loads(as_json)["field"].startswith("bad")
    first, *others = as_text.split("\n")
    assert mark == "\n" or mark not in as_text
    assert all(line.startswith("  ") for line in others)
    assert as_text.splitlines() == [first, *others]
