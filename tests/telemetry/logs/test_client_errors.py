"""4xx is no failure, whatever Django's level for it."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from telemetry.logs.formatters import JSONFormatter, ReadableFormatter


def _record(name: str, status: object, level: int = logging.ERROR) -> logging.LogRecord:
    try:
        raise LookupError("lost")
    except LookupError:
        record = logging.LogRecord(name, level, "file.py", 1, "Too many", (), sys.exc_info())
    record.status_code = status
    return record


@pytest.mark.parametrize("status", [400, 404, 499])
def test_a_refusal_has_no_traceback_and_is_no_error(status: int) -> None:
    """Django logs a forged host name as one, with all of the stack."""
    refusal = _record("django.security.DisallowedHost", status)
    line = json.loads(JSONFormatter().format(refusal))
    assert (line["level"], line["status_code"]) == ("WARNING", status)
    assert [key for key in line if key.startswith("exception.")] == []
    text = ReadableFormatter().format(refusal)
    assert "\n" not in text
    assert " WARNING " in text


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("django.request", 500),
        ("django.request", 503),
        ("django.request", None),
        ("django.request", "404"),
        ("djangonaut", 404),
        ("host", 404),
    ],
)
def test_all_else_keeps_what_it_has(name: str, status: object) -> None:
    """A failure, and what an application says of its own."""
    line = json.loads(JSONFormatter().format(_record(name, status)))
    assert line["level"] == "ERROR"
    assert line["exception.type"] == "LookupError"


def test_what_is_less_than_a_warning_stays_so() -> None:
    """It is a limit, not a level."""
    record = _record("django.request", 404, logging.INFO)
    assert json.loads(JSONFormatter().format(record))["level"] == "INFO"
