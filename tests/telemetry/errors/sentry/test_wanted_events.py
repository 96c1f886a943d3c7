"""What becomes an event and what does not: the processor, given small ones."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from telemetry.errors import failures
from telemetry.errors.failures import Origin
from tests.telemetry.errors.sentry.small_events import (
    ID,
    MinutesLostError,
    a_span,
    log,
    process,
    record_of,
    serving,
    trace_context,
)


@pytest.fixture(autouse=True)
def _raising(raising: None) -> None:
    pass


@pytest.mark.parametrize(
    "ending", [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), asyncio.CancelledError()]
)
def test_an_ending_is_no_failure(ending: BaseException) -> None:
    """Even where somebody logs it."""
    assert process(error=ending, log_record=log()) is None


def test_a_visitor_who_left_has_no_failure() -> None:
    """And the server, which logs what came of it, none either."""
    error = MinutesLostError()
    with serving(record_of()) as record:
        record.outcome = "disconnected"
        assert process(error=error) is None
    assert process(error=error, log_record=log("uvicorn.error")) is None


def test_what_was_logged_is_told() -> None:
    """The next to see the exception knows, and so does the request."""
    error = MinutesLostError()
    with serving(record_of()) as record:
        assert process(error=error, log_record=log())["event_id"] == ID
        assert failures.event_id_of(error) == ID
        assert record.events == [ID]
        assert process({"event_id": "another"}, error, log_record=log()) is None
        assert record.events == [ID]
    with serving(record_of()) as another:
        assert process(error=error, log_record=log("uvicorn.error")) is None
        assert another.events == [ID]


def test_a_log_without_an_exception_is_an_event_each_time() -> None:
    """There is nothing to carry a note."""
    with serving(record_of()) as record:
        for event_id in ("1", "2"):
            assert process({"event_id": event_id}, log_record=log()) is not None
        assert record.events == ["1", "2"]


def test_a_page_that_django_logs_is_no_failure() -> None:
    """Each 5xx, whatever it stands for; with an exception it is one."""
    assert process(log_record=log("django.request")) is None
    assert process(error=MinutesLostError(), log_record=log("django.request")) is not None
    assert process(log_record=log("django.requests")) is not None


def test_what_asyncio_logs_belongs_to_nobody() -> None:
    """It is logged when the task is collected: in the midst of any request."""
    with serving(record_of()) as record:
        record.site = "alameda.ca"
        event = process(error=MinutesLostError(), log_record=log("asyncio"))
    assert event["contexts"] == {}
    assert "tags" not in event
    assert "request" not in event
    assert record.events == []


def test_what_asyncio_logs_has_the_place_that_the_exception_knows() -> None:
    """The span that it ended was the task's own."""
    span, error = a_span(), MinutesLostError()
    failures.set_origin(error, Origin.of(span.get_span_context()))
    with serving(record_of()):
        event = process(error=error, log_record=log("asyncio"))
    assert event["contexts"]["trace"] == trace_context(span)


def test_sqlites_echo_is_no_failure_of_its_own() -> None:
    """The function's own exception was told; with that as its cause it is one."""
    echo = sqlite3.OperationalError("user-defined function raised exception")
    assert process(error=echo) is None
    assert failures.is_reported(echo)
    echo = sqlite3.OperationalError("user-defined function raised exception")
    echo.__cause__ = MinutesLostError()
    assert process(error=echo) is not None
    assert process(error=sqlite3.OperationalError("no such table: x")) is not None
