"""4xx is no failure, whatever Django's level for it."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from telemetry.export.budgets import Budgets
from telemetry.logs.bridge import LogBridge
from telemetry.logs.formatters import JSONFormatter, ReadableFormatter
from telemetry.settings.model import BudgetSettings
from telemetry.state import state


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


@pytest.mark.parametrize(
    ("name", "status", "level", "by_client"),
    [
        ("django.security.csrf", 403, logging.WARNING, True),
        ("django.security.TooManyFieldsSent", 400, logging.ERROR, True),
        ("uvicorn.error", None, logging.INFO, True),
        ("uvicorn.error", None, logging.WARNING, True),
        ("gunicorn.error", None, logging.WARNING, True),
        ("websockets.server", None, logging.INFO, True),
        ("uvicorn.error", None, logging.ERROR, False),
        ("django.request", 500, logging.ERROR, False),
        ("django.db", None, logging.WARNING, False),
        ("uvicornish", None, logging.WARNING, False),
        ("host", 404, logging.WARNING, False),
    ],
)
def test_what_clients_cause_is_sent_within_a_limit(
    monkeypatch: pytest.MonkeyPatch, name: str, status: object, level: int, by_client: bool
) -> None:
    """Each line of code by itself. Failures and what the host says are sent without one."""
    budgets = Budgets(BudgetSettings())
    sent: list[str] = []
    monkeypatch.setattr(state, "emit_log_record", lambda name, _: sent.append(name))
    monkeypatch.setattr(state, "admit_log_record", budgets.admit_log_record)
    for _ in range(200):
        LogBridge().handle(_record(name, status, level))
    most = BudgetSettings().events_of_a_group
    assert len(sent) == (most if by_client else 200)
    assert budgets.left_out.counts["log_records"] == 200 - len(sent)
