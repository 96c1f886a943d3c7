"""What failed is told once, wherever it passes and whatever carries the note of it."""

from __future__ import annotations

import asyncio
import pickle
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.context import attach, detach

from telemetry import failsafe
from telemetry.errors import failures
from telemetry.errors.failures import Origin
from telemetry.request import MAX_EVENTS, RequestRecord, attach_record
from telemetry.state import state
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed
from tests.telemetry.reported import raised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.scope import Message, Receive, Send
    from tests.telemetry.reported import Reported

INNER = Origin(1, 2, True)


class MinutesLostError(Exception):
    pass


@dataclass(frozen=True)
class FrozenError(Exception):
    page: int


class SlottedError(Exception):
    __slots__ = ("page",)


@dataclass(frozen=True, slots=True)
class FrozenSlottedError(Exception):
    page: int


@pytest.fixture(autouse=True)
def _raising(raising: None) -> None:
    pass


@pytest.fixture
def record() -> Iterator[RequestRecord]:
    """The current request's."""
    current = RequestRecord("GET", trace.INVALID_SPAN)
    token = attach(attach_record(current, trace.set_span_in_context(trace.INVALID_SPAN)))
    yield current
    detach(token)


def test_one_exception_is_told_once(reported: Reported, record: RequestRecord) -> None:
    """To the first who catches it; the others' records learn which event it became."""
    error = raised(MinutesLostError())
    later = RequestRecord("GET", trace.INVALID_SPAN)
    failures.report(error, "datasette")
    failures.report(error, "asgi")
    failures.report(error, "asgi", later)
    assert (reported.errors, reported.caught_by, reported.records) == (
        [error],
        ["datasette"],
        [record],
    )
    assert failures.is_reported(error)
    assert failures.event_id_of(error) == "event-1"
    assert record.events == later.events == ["event-1"]


def test_two_equal_exceptions_are_two(reported: Reported) -> None:
    """What counts is the object: the same line may fail twice."""
    failures.report(raised(FrozenError(1)), "asgi")
    failures.report(raised(FrozenError(1)), "asgi")
    assert len(reported.errors) == 2


def test_what_is_raised_from_another_is_the_same_failure(reported: Reported) -> None:
    """In either order, and over any distance."""
    first = raised(MinutesLostError())
    second = raised(LookupError(), first)
    third = raised(ValueError(), second)
    failures.report(first, "datasette")
    failures.report(third, "asgi")
    assert reported.errors == [first]
    assert failures.event_id_of(third) == "event-1"
    other = raised(LookupError(), raised(MinutesLostError()))
    failures.report(other, "asgi")
    assert other.__cause__ is not None
    failures.report(other.__cause__, "asgi")
    assert reported.errors == [first, other]


def test_what_is_raised_while_another_is_handled_is_its_own(reported: Reported) -> None:
    """A mistake in the handling of a mistake."""
    first = raised(MinutesLostError())
    try:
        try:
            raise first
        except MinutesLostError:
            failures.report(first, "datasette")
            raise LookupError  # noqa: B904 # the second fault is the point
    except LookupError as error:
        second = error
    assert second.__context__ is first
    failures.report(second, "asgi")
    assert reported.errors == [first, second]
    assert failures.event_id_of(second) == "event-2"


def test_what_needs_no_telling_is_not_told(reported: Reported, record: RequestRecord) -> None:
    """Settled without an event, say a visitor's own query: nobody is given an id of it."""
    error = raised(LookupError(), raised(MinutesLostError()))
    failures.mark_reported(error)
    failures.report(error, "asgi")
    failures.report(error.__cause__, "asgi")
    assert reported.errors == []
    assert failures.event_id_of(error) == ""
    assert record.events == []


def test_an_event_that_exists_is_not_forgotten(reported: Reported) -> None:
    """Whoever settles a told one afterwards adds nothing."""
    error = raised(MinutesLostError())
    failures.report(error, "asgi")
    failures.mark_reported(error)
    failures.mark_reported(error, "another")
    assert failures.event_id_of(error) == "event-1"


def test_an_unsettled_cause_does_not_hide_the_event(reported: Reported) -> None:
    """Settled without an id, then raised on: the event is the cause's."""
    cause = raised(MinutesLostError())
    failures.report(cause, "asgi")
    error = raised(LookupError())
    failures.mark_reported(error)
    error.__cause__ = cause
    assert failures.event_id_of(error) == "event-1"


def test_what_fails_after_the_visitor_left_is_not_told(
    reported: Reported, record: RequestRecord
) -> None:
    """It fails because of that, and whoever sees it next need not tell either."""
    record.outcome = "disconnected"
    error = raised(MinutesLostError())
    failures.report(error, "django")
    record.outcome = "served"
    failures.report(error, "asgi")
    assert reported.errors == []


def test_a_record_that_is_given_is_the_requests(reported: Reported, record: RequestRecord) -> None:
    """A thread's, which has left the request's context."""
    other = RequestRecord("GET", trace.INVALID_SPAN)
    failures.report(raised(MinutesLostError()), "threading.excepthook", other)
    assert reported.records == [other]
    other.outcome = "disconnected"
    failures.report(raised(MinutesLostError()), "threading.excepthook", other)
    assert len(reported.errors) == 1


@pytest.mark.parametrize(
    "kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, BaseException]
)
def test_what_is_no_exception_is_no_failure(reported: Reported, kind: type[BaseException]) -> None:
    """It is how a program, a generator or a task ends; what it was raised from stays untold."""
    cause = raised(MinutesLostError())
    failures.report(raised(kind(), cause), "asgi")
    assert reported.errors == []
    failures.report(cause, "asgi")
    assert reported.errors == [cause]


def test_without_a_listener_nothing_is_noted() -> None:
    """Traces alone: an exception stays as it was raised."""
    error = raised(MinutesLostError())
    failures.report(error, "asgi")
    assert error.__dict__ == {}


@pytest.mark.parametrize(
    "error",
    [
        FrozenError(1),
        SlottedError(),
        FrozenSlottedError(1),
        sqlite3.OperationalError("locked"),
        ExceptionGroup("two", [ValueError(), LookupError()]),
        OSError(2, "no such file"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_exception_carries_its_notes(reported: Reported, error: Exception) -> None:
    """Those that let nobody set an attribute, and those that C code made."""
    failures.set_origin(error, INNER)
    failures.report(error, "asgi")
    failures.report(error, "asgi")
    assert reported.errors == [error]
    assert failures.origin_of(error) == INNER


@pytest.mark.parametrize("error", [MinutesLostError("2013"), OSError(2, "no such file")])
def test_a_pickled_exception_keeps_its_notes(reported: Reported, error: Exception) -> None:
    """What a worker process has told, its parent need not."""
    failures.set_origin(error, INNER)
    failures.report(error, "asgi")
    sent = pickle.loads(pickle.dumps(error))
    assert sent is not error
    failures.report(sent, "asgi")
    assert len(reported.errors) == 1
    assert failures.origin_of(sent) == INNER
    assert type(failures.origin_of(sent)) is Origin
    # Without this package on the other side: plain values.
    assert b"telemetry.errors.failures" not in pickle.dumps(error)


def test_causes_that_go_round_in_a_circle_have_an_end(reported: Reported) -> None:
    """`raise first from second` and the reverse, somewhere in a retry."""
    first, second = raised(MinutesLostError()), raised(LookupError())
    first.__cause__, second.__cause__ = second, first
    assert failures.origin_of(first) is None
    assert not failures.is_reported(first)
    failures.report(first, "asgi")
    failures.report(second, "asgi")
    assert reported.errors == [first]
    itself = raised(ValueError())
    itself.__cause__ = itself
    failures.report(itself, "asgi")
    assert reported.errors == [first, itself]


def test_a_listener_that_fails_is_counted_and_the_page_goes_on() -> None:
    """Whatever becomes of the report."""

    def broken(*args: Any) -> None:
        raise ZeroDivisionError

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        failures.report(raised(MinutesLostError()), "datasette")
        await answering(200, b"hello")(scope, receive, send)

    failures.report_to(broken)
    failsafe.raise_failures(False)
    state.failures.clear()
    try:
        client = run(visit(Observed(app).edge))
        assert (client.status, client.body) == (200, b"hello")
        assert state.failures == {"errors.report": 1}
        failsafe.raise_failures()
        with pytest.raises(ZeroDivisionError):
            failures.report(raised(MinutesLostError()), "asgi")
    finally:
        failures.report_to(None)
        state.failures.clear()


def test_a_request_keeps_the_first_of_its_events() -> None:
    """Each once: a loop may log thousands, and a span's attribute is no log."""
    record = RequestRecord("GET", trace.INVALID_SPAN)
    for number in (1, 1, *range(2 * MAX_EVENTS)):
        record.note_event(f"event-{number}")
    record.note_event("")
    assert record.events == ["event-1", "event-0", *(f"event-{n}" for n in range(2, MAX_EVENTS))]
