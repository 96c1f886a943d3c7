"""What Python functions raise inside a query, with a real SQLite."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import INVALID_SPAN

from telemetry import request_record
from telemetry.errors import failures
from telemetry.errors.sqlite_functions import (
    MAX_KEPT,
    add_cause,
    hold,
    is_callback_error,
    report_held,
)
from telemetry.request import RequestRecord
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed
from tests.telemetry.datasette.callbacks import (
    ECHOED,
    SUM,
    SWALLOWED,
    WORDED,
    FaultError,
    connect,
    fail,
    function,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import Span

    from telemetry.scope import Message, Receive, Send
    from tests.telemetry.datasette.callbacks import Setup
    from tests.telemetry.reported import Reported


@pytest.fixture(autouse=True)
def _hooked(raising: None) -> Iterator[None]:
    """As `install_hooks` does it, which this process would never get rid of."""
    previous = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: _keep(unraisable.exc_value, unraisable.object)
    # Stays: Datasette asks for the same, and what it was can't be asked.
    sqlite3.enable_callback_tracebacks(True)
    yield
    sys.unraisablehook = previous


def _keep(error: Any, called: object) -> None:
    if isinstance(error, Exception):
        hold(error, called)


def query(setup: Setup, sql: str, times: int = 1) -> list[sqlite3.Error]:
    """Run it, and give what SQLite made of it."""
    errors = []
    with closing(connect()) as connection:
        setup(connection)
        for _ in range(times):
            try:
                connection.execute(sql).fetchall()
            except sqlite3.Error as error:
                errors.append(error)
        # They would be called again at the close.
        connection.set_trace_callback(None)
    return errors


def visiting(work: Callable[[RequestRecord], object], status: int = 200) -> Observed:
    """A request that does the work and answers with the status."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        record = request_record()
        assert record is not None
        work(record)
        await answering(status)(scope, receive, send)

    observed = Observed(app)
    run(visit(observed.edge))
    return observed


@pytest.mark.parametrize(("setup", "sql"), ECHOED.values(), ids=ECHOED)
def test_sqlites_error_is_known_as_an_echo(setup: Setup, sql: str, reported: Reported) -> None:
    """By the text that this Python gives it, and explained by what was raised."""

    def work(record: RequestRecord) -> None:
        [error] = query(setup, sql)
        assert is_callback_error(error), error
        kept = record.unseen[-1]
        add_cause(error, record)
        assert error.__cause__ is kept
        record.failure = error

    visiting(work, status=500)
    [error] = [each for each in reported.errors if is_callback_error(each)]
    assert reported.errors == [error], "one failure, one event"


@pytest.mark.parametrize(("setup", "sql"), ECHOED.values(), ids=ECHOED)
def test_an_echo_that_nobody_made_a_page_of_is_told_by_its_cause(
    setup: Setup, sql: str, reported: Reported
) -> None:
    """A visitor's own query is answered with 200 or 400, and the function is still broken."""
    observed = visiting(lambda _record: query(setup, sql), status=400)
    [error] = reported.errors
    assert not is_callback_error(error)
    assert reported.caught_by == ["sys.unraisablehook"]
    assert [event.name for event in observed.span.events] == ["exception"]
    assert "corkboard.error.event_ids" in observed.attributes


@pytest.mark.parametrize(("setup", "sql"), SWALLOWED.values(), ids=SWALLOWED)
def test_what_sqlite_swallows_is_told(setup: Setup, sql: str, reported: Reported) -> None:
    """The query succeeds, and nobody else would ever know."""
    assert query(lambda _connection: None, "select a from t") == []

    def work(_record: RequestRecord) -> None:
        assert query(setup, sql) == []

    visiting(work)
    assert [type(error) for error in reported.errors] == [FaultError]


@pytest.mark.parametrize(("setup", "sql", "words"), WORDED.values(), ids=WORDED)
def test_other_callbacks_are_told_beside_sqlites_error(
    setup: Setup, sql: str, words: str, reported: Reported
) -> None:
    """Which says what it would say without a fault, so that it can't be known as an echo."""

    def work(_record: RequestRecord) -> None:
        [error] = query(setup, sql)
        assert str(error) == words
        assert not is_callback_error(error)

    visiting(work)
    assert [type(error) for error in reported.errors] == [FaultError]


def test_a_collation_raises_by_itself(reported: Reported) -> None:
    """Python hands its exception on."""

    def work(record: RequestRecord) -> None:
        with closing(connect()) as connection:
            connection.create_collation("odd", fail)
            with pytest.raises(FaultError):
                connection.execute("select a from t order by cast(a as text) collate odd")
        assert record.unseen == []

    visiting(work)
    assert reported.errors == []


def test_one_function_that_fails_in_many_queries_is_told_once(reported: Reported) -> None:
    """Datasette tries a page's every column and facet."""
    visiting(lambda _record: query(function(fail), SUM, times=50))
    assert len(reported.errors) == 1


def test_two_functions_of_one_query_are_two_failures(reported: Reported) -> None:
    """As are two lines of one, and two classes at one line."""

    def another(_value: int) -> None:
        raise FaultError

    def two_lines(value: int) -> None:
        if value == 1:
            raise FaultError
        raise FaultError

    def two_classes(value: int) -> None:
        raise (FaultError if value == 1 else LookupError)

    def work(_record: RequestRecord) -> None:
        for call in (fail, another):
            query(function(call), SUM)
        for call in (two_lines, two_classes):
            for value in (1, 2):
                query(function(call), f"select f({value})")

    visiting(work)
    assert [type(error).__name__ for error in reported.errors] == ["FaultError"] * 5 + [
        "LookupError"
    ]


def test_a_request_keeps_few(reported: Reported) -> None:
    """Its memory is not a plugin's to fill."""

    def work(record: RequestRecord) -> None:
        for number in range(3 * MAX_KEPT):
            lines = f"def call(_):\n    raise ZeroDivisionError({number})"
            namespace: dict[str, Any] = {}
            exec(lines, namespace)
            query(function(namespace["call"]), SUM)
        assert len(record.unseen) == MAX_KEPT

    visiting(work)
    assert [str(error) for error in reported.errors] == [str(n) for n in range(MAX_KEPT)]


def test_the_last_that_was_raised_explains_the_echo(reported: Reported) -> None:
    """Those before it were of queries that were answered otherwise."""

    def another(_value: int) -> None:
        raise LookupError

    def work(record: RequestRecord) -> None:
        query(function(another), SUM)
        [error] = query(function(fail), SUM)
        add_cause(error, record)
        record.failure = error

    visiting(work, status=500)
    echo, other = reported.errors
    assert type(echo.__cause__) is FaultError
    assert type(other) is LookupError


def test_what_has_a_cause_keeps_it() -> None:
    """And what is no echo gets none."""
    record = RequestRecord("GET", INVALID_SPAN)
    record.unseen = [FaultError()]
    [echo] = query(function(fail), SUM)
    echo.__cause__ = LookupError()
    plain = sqlite3.OperationalError("no such column: user-defined function raised exception")
    for error in (
        echo,
        plain,
        sqlite3.OperationalError(),
        FaultError("user-defined function raised exception"),
    ):
        cause = error.__cause__
        add_cause(error, record)
        assert error.__cause__ is cause
    add_cause(sqlite3.OperationalError("user-defined function raised exception"), None)
    assert len(record.unseen) == 1


def test_outside_a_request_it_is_told_at_once(reported: Reported) -> None:
    """A script's, or a background task's: no end of a request would tell it."""
    query(function(fail), SUM)
    assert (len(reported.errors), reported.caught_by) == (1, ["sys.unraisablehook"])
    assert reported.records == [None]


def test_a_destructor_is_told_at_once(reported: Reported) -> None:
    """It is no callback, and no error follows from it; by whichever name it is called."""

    class Left:
        def __del__(self) -> None:
            raise FaultError

    def work(record: RequestRecord) -> None:
        for called in (Left.__del__, Left(), None):
            assert not hold(FaultError(), called)
        assert hold(FaultError(), fail)
        assert len(record.unseen) == 1

    visiting(work)
    # Three that were told there, the one that was kept, and that of the `Left()` itself.
    assert len(reported.errors) == 5


def test_it_happened_in_the_querys_span(reported: Reported) -> None:
    """And not in the request's, which is current by the time it is told."""
    spans: list[Span] = []

    def work(_record: RequestRecord) -> None:
        with observer.tracer.start_as_current_span("query") as span:
            spans.append(span)
            query(function(fail), SUM)

    observer = Observed(answering())
    visiting(work)
    [error] = reported.errors
    assert failures.origin_of(error) == failures.Origin.of(spans[0].get_span_context())


def test_what_was_told_is_not_told_again(reported: Reported) -> None:
    """The record is empty afterwards."""
    record = RequestRecord("GET", INVALID_SPAN)
    error = FaultError()
    record.unseen = [error]
    assert report_held(record) == [error]
    assert report_held(record) == []
    assert reported.errors == [error]
