"""Exceptions and error pages: recorded once, named by what went wrong, and passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import StatusCode

from telemetry import request_record
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


class MinutesLostError(Exception):
    pass


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def _assert_failed(observed: Observed, error_type: str, events: int) -> None:
    assert observed.span.status.status_code is StatusCode.ERROR
    assert observed.attributes["corkboard.outcome"] == "error"
    assert observed.attributes["error.type"] == error_type
    assert [event.name for event in observed.span.events] == ["exception"] * events
    [point] = observed.points("http.server.request.duration")
    assert point.attributes["error.type"] == error_type
    assert observed.active == [0]


@pytest.mark.parametrize("started", [False, True], ids=["before", "within"])
def test_an_exception_is_recorded_once_and_raised_again(started: bool) -> None:
    """The server logs it; its class is the type, before or within the response."""
    error = MinutesLostError("2013-04")

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    observed = Observed(app)
    with pytest.raises(MinutesLostError) as raised:
        run(visit(observed.edge))
    assert raised.value is error
    _assert_failed(observed, "MinutesLostError", 1)
    assert observed.span.status.description == "2013-04"
    [event] = observed.span.events
    attributes = event.attributes or {}
    assert str(attributes["exception.type"]).endswith("MinutesLostError")
    assert "test_errors.py" in str(attributes["exception.stacktrace"])
    assert observed.attributes["http.response.status_code"] == (200 if started else 500)


def test_an_error_page_without_an_exception_is_named_by_its_status() -> None:
    """Datasette swallows the exception into a 500 page."""
    observed = Observed(answering(503))
    run(visit(observed.edge))
    _assert_failed(observed, "503", 0)


def test_an_exception_that_a_framework_made_into_a_page_is_the_error() -> None:
    """Django's middleware keeps it on the record."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        _keep(MinutesLostError("2013-04"))
        await answering(500)(scope, receive, send)

    observed = Observed(app)
    run(visit(observed.edge))
    _assert_failed(observed, "MinutesLostError", 1)


def test_an_exception_kept_and_raised_again_is_one_event() -> None:
    """Under DEBUG_PROPAGATE_EXCEPTIONS Django does both."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise _keep(MinutesLostError("2013-04"))

    observed = Observed(app)
    with pytest.raises(MinutesLostError):
        run(visit(observed.edge))
    _assert_failed(observed, "MinutesLostError", 1)


def test_an_exception_that_became_a_not_found_is_no_event() -> None:
    """Django's Http404 is how a view says 404; a stack trace for each is noise and money."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        _keep(LookupError("no such site"))
        await answering(404)(scope, receive, send)

    observed = Observed(app)
    run(visit(observed.edge))
    assert observed.span.events == ()
    assert observed.span.status.status_code is StatusCode.UNSET
    assert observed.attributes["corkboard.outcome"] == "served"
    assert "error.type" not in observed.attributes


def test_a_client_error_is_not_an_error() -> None:
    """4xx is the client's mistake (semantic conventions for server spans)."""
    observed = Observed(answering(404))
    run(visit(observed.edge))
    assert observed.span.status.status_code is StatusCode.UNSET
    assert "error.type" not in observed.attributes


@pytest.mark.usefixtures("as_in_production")
def test_an_exception_that_cannot_be_printed_still_ends_the_span() -> None:
    """A span that never ends is never exported, and this is the one that is needed."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise UnprintableError

    observed = Observed(app)
    with pytest.raises(UnprintableError):
        run(visit(observed.edge))
    assert observed.attributes["error.type"] == "UnprintableError"
    assert observed.counted == 1
    assert observed.active == [0]


def _keep(error: Exception) -> Exception:
    record = request_record()
    assert record is not None
    record.failure = error
    return error
