"""What a host may say of the current request, and ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

import telemetry
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send
    from tests.telemetry.asgi.driving import App
    from tests.telemetry.reported import Reported


class MinutesLostError(Exception):
    pass


@pytest.fixture(autouse=True)
def _raising(raising: None) -> None:
    pass


def saying(error: Exception, status: int) -> App:
    """An application that handles an exception, and answers."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            raise error
        except MinutesLostError as caught:
            telemetry.set_failure(caught)
        await answering(status)(scope, receive, send)

    return app


def asking(asked: list[str | None]) -> App:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        asked.append(telemetry.trace_id())
        await answering()(scope, receive, send)

    return app


def test_an_error_page_of_the_hosts_own_names_its_failure(reported: Reported) -> None:
    """On the span and to whoever tracks errors; once."""
    error = MinutesLostError("2013-04")
    observed = Observed(saying(error, 503), event_url="https://bugs.example.org/{event_id}")
    run(visit(observed.edge))
    assert (reported.errors, reported.caught_by) == ([error], ["asgi"])
    assert observed.span.status.status_code is StatusCode.ERROR
    assert [event.name for event in observed.span.events] == ["exception"]
    assert observed.attributes["error.type"] == "MinutesLostError"
    assert observed.attributes["corkboard.error.event_ids"] == ("event-1",)
    assert observed.attributes["corkboard.error.url"] == "https://bugs.example.org/event-1"


@pytest.mark.parametrize("status", [200, 404])
def test_what_became_no_error_page_is_no_failure(reported: Reported, status: int) -> None:
    """Whoever set it has changed their mind."""
    observed = Observed(saying(MinutesLostError(), status))
    run(visit(observed.edge))
    assert reported.errors == []
    assert observed.span.events == ()
    assert observed.span.status.status_code is StatusCode.UNSET
    assert "corkboard.error.event_ids" not in observed.attributes


def test_an_error_page_that_fails_in_its_turn_is_two_failures(reported: Reported) -> None:
    """That of the page, and that of the error page."""
    first, second = MinutesLostError(), LookupError()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        telemetry.set_failure(first)
        raise second

    observed = Observed(app)
    with pytest.raises(LookupError):
        run(visit(observed.edge))
    assert reported.errors == [first, second]
    assert observed.attributes["corkboard.error.event_ids"] == ("event-1", "event-2")
    assert "corkboard.error.url" not in observed.attributes


def test_the_trace_id_is_that_of_the_header() -> None:
    """Sampled or not: what is read out to the operator finds the logs either way."""
    for observed_app in (Observed, lambda app: Observed(app, sampler=ALWAYS_OFF)):
        asked: list[str | None] = []
        client = run(visit(observed_app(asking(asked)).edge))
        [trace_id] = asked
        assert trace_id is not None
        [header] = [v for k, v in client.sent[0]["headers"] if k == b"traceresponse"]
        assert header.split(b"-")[1].decode() == trace_id
        assert len(trace_id) == 32


def test_a_request_that_is_not_traced_has_no_trace_id() -> None:
    """An error page shows none, rather than one that leads nowhere."""
    asked: list[str | None] = []
    run(visit(Observed(asking(asked), excluded_urls=".*").edge))
    assert asked == [None]


def test_outside_a_request_nothing_happens(reported: Reported) -> None:
    """A script, or a host without configuration, calls the same functions."""
    telemetry.set_failure(MinutesLostError())
    assert reported.errors == []
    assert telemetry.trace_id() is None
