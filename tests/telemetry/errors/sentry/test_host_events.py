"""What telemetry adds to the events of a client that the host has initialised."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace

from telemetry.errors.sentry.events import RECORD, REPORTED, HostEventProcessor
from tests.telemetry.errors.sentry.small_events import (
    ID,
    SETTINGS,
    MinutesLostError,
    a_span,
    record_of,
    serving,
    trace_context,
)


@pytest.fixture(autouse=True)
def _raising(raising: None) -> None:
    pass


@pytest.fixture
def processor() -> HostEventProcessor:
    return HostEventProcessor(SETTINGS, traced=True)


def _of(error: BaseException, **more: Any) -> Any:
    return {"exc_info": (type(error), error, error.__traceback__), **more}


def test_one_exception_is_one_event(processor: HostEventProcessor) -> None:
    """An integration may capture it again, in another request or in none."""
    error = MinutesLostError()
    with serving(record_of()) as first:
        assert processor({"event_id": ID}, _of(error))
    with serving(record_of()) as second:
        assert processor({"event_id": "d0" * 16}, _of(error)) is None
    assert processor({"event_id": "e0" * 16}, _of(error)) is None
    # The error page of each names the event that was sent.
    assert first.events == second.events == [ID]


def test_an_event_of_telemetrys_has_the_request_and_a_group(processor: HostEventProcessor) -> None:
    """No integration of Sentry's has seen the exception, so it has neither yet."""
    record = record_of(path="/minutes")
    record.site = "alameda.ca"
    hint = _of(MinutesLostError(), **{RECORD: record, REPORTED: True})
    event: Any = processor({"event_id": ID, "message": "no alameda.ca"}, hint)
    assert event["request"] == {"method": "GET", "url": "http://alameda.ca.civic.band/minutes"}
    # Of the exception, though this event has none yet.
    assert event["fingerprint"][0].endswith(".MinutesLostError")
    assert "<site>" not in repr(event["fingerprint"])


def test_what_the_host_has_put_in_an_event_stays(processor: HostEventProcessor) -> None:
    """Its own request and group, in an event of telemetry's as in any other."""
    for more in ({}, {REPORTED: True}):
        with serving(record_of()) as record:
            own: Any = {"event_id": ID, "request": {"url": "/own"}, "fingerprint": ["own"]}
            event: Any = processor(own, _of(MinutesLostError(), **more))
        assert (event["request"], event["fingerprint"]) == ({"url": "/own"}, ["own"])
        assert event["contexts"]["trace"] == trace_context(record.span)


def test_an_event_of_a_program_has_its_span_and_no_request(processor: HostEventProcessor) -> None:
    """Where nothing is served, there is only the current span."""
    with trace.use_span(a_span()) as span:
        event: Any = processor({"event_id": ID}, _of(MinutesLostError(), **{REPORTED: True}))
    assert event["contexts"]["trace"] == trace_context(span)
    assert "request" not in event
