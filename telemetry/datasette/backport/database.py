"""Spans and metrics of the queries of `datasette.database.Database`.

A method is wrapped, and so is the function that it runs in a thread: the span
``db.query`` lasts as long as the caller waits, and the spans within it as long as the
thread works.
"""

from __future__ import annotations

import functools
import re
import time
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from opentelemetry import context as context_api
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from telemetry import private_api
from telemetry.datasette.sql_errors import is_interruption
from telemetry.failsafe import failed
from telemetry.redaction.sql import TRUNCATED
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d
from telemetry.registry.others_metrics import INTERRUPTIONS, QUERIES, WRITE_WAITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.trace import Span, Tracer

    from telemetry.private_api import PrivateName
    from telemetry.registry.names import MetricName

    _Moment = tuple[int, int]
    """Nanoseconds of the system clock and of the monotonic clock."""

MAX_STATEMENT = 2048
_OPERATIONS = frozenset(
    {
        *("ALTER", "ANALYZE", "CREATE", "DELETE", "DROP", "EXPLAIN", "INSERT", "PRAGMA"),
        *("REPLACE", "SELECT", "UPDATE", "VACUUM", "WITH"),
    }
)
_FIRST_WORD = re.compile(r"\s*([A-Za-z]+)")

# The call of a method that calls another one, until that one has taken it: a query is
# one span.
_outer: ContextVar[_Call | None] = ContextVar("telemetry.datasette.call", default=None)


def wrap_database(version: str) -> None:
    """Wrap the methods of `Database`, and the start of a Datasette."""
    recorder = _Recorder(
        trace.get_tracer(d.SCOPE, version, schema_url=d.SCHEMA_URL),
        metrics.get_meter(d.SCOPE, version, schema_url=d.SCHEMA_URL),
    )
    wrappers: Mapping[PrivateName[Any], Callable[[Any, _Recorder], Any]] = {
        private_api.DATASETTE_STARTUP: _startup,
        private_api.DATASETTE_EXECUTE: _execute,
        private_api.DATASETTE_EXECUTE_FN: _execute_fn,
        private_api.DATASETTE_EXECUTE_WRITE: functools.partial(_write, None),
        private_api.DATASETTE_EXECUTE_WRITE_SCRIPT: functools.partial(_write, d.SCRIPT),
        private_api.DATASETTE_EXECUTE_WRITE_MANY: functools.partial(_write, d.MANY),
        private_api.DATASETTE_EXECUTE_WRITE_FN: _write_fn,
        private_api.DATASETTE_EXECUTE_ISOLATED_FN: _isolated_fn,
    }
    for name, wrap in wrappers.items():
        original = private_api.get(name)
        if original is not None:
            private_api.replace(name, functools.wraps(original)(wrap(original, recorder)))


class _Recorder:
    """The tracer and the instruments of the scope ``datasette``."""

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self.tracer = tracer
        self.durations = _histogram(meter, QUERIES)
        self.waits = _histogram(meter, WRITE_WAITS)
        self.interruptions = meter.create_counter(
            INTERRUPTIONS, INTERRUPTIONS.unit, INTERRUPTIONS.description
        )


def _histogram(meter: Meter, name: MetricName) -> Histogram:
    return meter.create_histogram(
        name, name.unit, name.description, explicit_bucket_boundaries_advisory=name.buckets
    )


class _Call:
    """One call of a method, with its span. Measured and ended by ``with call.running():``."""

    __slots__ = ("attributes", "database", "expected", "recorder", "span")

    def __init__(self, recorder: _Recorder, database: Any, operation: str) -> None:
        self.recorder = recorder
        self.database = database
        self.attributes = {
            d.SYSTEM: "sqlite",
            d.DATABASE: database.name,
            d.OPERATION: operation,
        }
        # Whether the caller expects an exception, and does not count it as a failure.
        self.expected: Callable[[Exception], bool] = _never
        self.span: Span = trace.INVALID_SPAN

    @contextmanager
    def running(self, about: Callable[[], Mapping[str, Any]]) -> Iterator[None]:
        """Start the span, with the attributes of `about`; end it, and measure the time."""
        span = self.span = self.recorder.tracer.start_span(d.QUERY, kind=SpanKind.CLIENT)
        token = context_api.attach(trace.set_span_in_context(span))
        started = time.perf_counter()
        try:
            self.describe(lambda: {d.SYSTEM: "sqlite", d.DATABASE: self.database.name, **about()})
            yield
        except BaseException as error:
            self.attributes[a.ERROR_TYPE] = type(error).__qualname__
            if isinstance(error, Exception) and not self.expected(error):
                _fail(span, error)
            raise
        finally:
            # While the span is current: whether the failure was expected is known when it ends.
            seconds = time.perf_counter() - started
            self.recorder.durations.record(seconds, self.attributes)
            context_api.detach(token)
            span.end()

    def describe(self, about: Callable[[], Mapping[str, Any]]) -> None:
        """Set attributes of the span, if it is recorded. Never raises."""
        if not self.span.is_recording():
            return
        try:
            self.span.set_attributes(about())
        except Exception as error:  # noqa: BLE001 # the page comes first
            failed("datasette.backport", error)

    def of_database(self) -> Mapping[str, str]:
        """The attributes of a metric that distinguishes databases alone."""
        return {d.DATABASE: self.attributes[d.DATABASE]}

    @contextmanager
    def outermost(self) -> Iterator[None]:
        """Around a method that calls another one for the same query."""
        token = _outer.set(self)
        try:
            yield
        finally:
            _outer.reset(token)

    def reading(self, fn: Any) -> Any:
        """``fn`` within a span ``db.query.execute``, for the thread that runs it."""
        context = context_api.get_current()

        def run(connection: Any) -> Any:
            # Only OpenTelemetry's context: others' context variables are as without telemetry.
            token = context_api.attach(context)
            try:
                with self.recorder.tracer.start_as_current_span(
                    d.EXECUTE, record_exception=False, set_status_on_exception=False
                ) as span:
                    try:
                        return fn(connection)
                    except Exception as error:
                        if not self.expected(error):
                            _fail(span, error)
                        raise
            finally:
                context_api.detach(token)

        return run


class _Write:
    """A function for the thread that writes, within the spans of a write.

    If its caller waits, ``db.write.execute`` ends when the caller has the result, since the
    thread commits after the function has returned.
    """

    __slots__ = (
        *("_attributes", "_awaited", "_block", "_call", "_context", "_error", "_lock"),
        *("_returned", "_span"),
    )

    def __init__(self, call: _Call, attributes: Mapping[str, Any], *, block: bool) -> None:
        self._call = call
        self._attributes = attributes
        self._block = block
        self._context = context_api.get_current()
        self._span: Span = trace.INVALID_SPAN
        self._error: Exception | None = None
        self._lock = Lock()
        self._awaited = True
        self._returned = False

    def writing(self, fn: Any) -> Any:
        """The function that Datasette gets in place of ``fn``."""
        queued = (time.time_ns(), time.perf_counter_ns())
        run_in = self._in_the_call if self._block else self._in_the_background

        # Datasette looks at the parameters of the function.
        @functools.wraps(fn)
        def run(*args: Any, **kwargs: Any) -> Any:
            return run_in(queued, functools.partial(fn, *args, **kwargs))

        return run

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """For the caller, around its waiting."""
        try:
            yield
        except Exception as error:
            # The function's, or the commit's.
            self._error = error
            raise
        finally:
            with self._lock:
                self._awaited = False
                ends = self._returned
            if ends:
                self._end()

    def _in_the_call(self, queued: _Moment, fn: Callable[[], Any]) -> Any:
        token = context_api.attach(self._context)
        try:
            self._waited(queued)
            self._span = self._call.recorder.tracer.start_span(d.WRITE, attributes=self._attributes)
            with trace.use_span(self._span, record_exception=False, set_status_on_exception=False):
                return fn()
        except Exception as error:
            self._error = error
            raise
        finally:
            context_api.detach(token)
            with self._lock:
                self._returned = True
                ends = not self._awaited
            if ends:
                # The caller was cancelled.
                self._end()

    def _in_the_background(self, queued: _Moment, fn: Callable[[], Any]) -> Any:
        # The request may have ended: roots that link to it.
        cause = self._call.span.get_span_context()
        links = [Link(cause)] if cause.is_valid else []
        self._waited(queued, context=Context(), links=links)
        with self._call.recorder.tracer.start_as_current_span(
            d.WRITE, Context(), links=links, attributes=self._attributes
        ):
            return fn()

    def _waited(self, queued: _Moment, **where: Any) -> None:
        began, counter = queued
        waited, recorder = time.perf_counter_ns() - counter, self._call.recorder
        recorder.waits.record(waited / 1e9, self._call.of_database())
        recorder.tracer.start_span(d.WAIT, start_time=began, **where).end(began + waited)

    def _end(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            _fail(self._span, error)
        self._span.end()


def _execute(original: Any, recorder: _Recorder) -> Any:
    # The parameters of all releases from 1.0a28 to 1.0a40.
    async def execute(
        self: Any,
        sql: Any,
        params: Any = None,
        truncate: Any = False,
        custom_time_limit: Any = None,
        page_size: Any = None,
        log_sql_errors: Any = True,
    ) -> Any:
        limit = self.ds.setting("sql_time_limit_ms")
        # A caller that sets a shorter limit handles that it is reached.
        own_limit = bool(custom_time_limit) and custom_time_limit < limit
        call = _Call(recorder, self, "read")
        call.expected = lambda error: own_limit if is_interruption(error) else not log_sql_errors

        def about() -> Mapping[str, Any]:
            known = _about_statement(sql, params)
            known[d.TIME_LIMIT] = custom_time_limit if own_limit else limit
            return known

        with call.running(about), call.outermost():
            try:
                results = await original(
                    self, sql, params, truncate, custom_time_limit, page_size, log_sql_errors
                )
            except Exception as error:
                if is_interruption(error):
                    call.describe(lambda: {d.INTERRUPTED: True})
                    if not own_limit:
                        recorder.interruptions.add(1, call.of_database())
                elif not log_sql_errors:
                    call.describe(lambda: {d.SUPPRESSED: True})
                raise
            call.describe(lambda: {d.TRUNCATED: results.truncated, d.ROWS: len(results.rows)})
        return results

    return execute


def _execute_fn(original: Any, recorder: _Recorder) -> Any:
    async def execute_fn(self: Any, fn: Any) -> Any:
        outer = _taken(self)
        if outer is not None:
            return await original(self, outer.reading(fn))
        call = _Call(recorder, self, "read")
        with call.running(lambda: _about_function(fn)):
            return await original(self, call.reading(fn))

    return execute_fn


def _write(kind: str | None, original: Any, recorder: _Recorder) -> Any:
    async def write(self: Any, sql: Any, *args: Any, **kwargs: Any) -> Any:
        def about() -> Mapping[str, Any]:
            if kind is not None:
                return {**_about_statement(sql, script=kind == d.SCRIPT), kind: True}
            return _about_statement(sql, args[0] if args else kwargs.get("params"))

        call = _Call(recorder, self, "write")
        with call.running(about), call.outermost():
            return await original(self, sql, *args, **kwargs)

    return write


def _write_fn(original: Any, recorder: _Recorder) -> Any:
    async def execute_write_fn(
        self: Any, fn: Any, block: Any = True, transaction: Any = True, *args: Any, **kwargs: Any
    ) -> Any:
        attributes = {d.ISOLATED: False, d.TRANSACTION: bool(transaction)}

        async def written(call: _Call) -> Any:
            write = _Write(call, attributes, block=bool(block))
            with write.awaited():
                return await original(self, write.writing(fn), block, transaction, *args, **kwargs)

        outer = _taken(self)
        if outer is not None:
            return await written(outer)
        call = _Call(recorder, self, "write")
        with call.running(lambda: _about_function(fn)):
            return await written(call)

    return execute_write_fn


def _isolated_fn(original: Any, recorder: _Recorder) -> Any:
    async def execute_isolated_fn(self: Any, fn: Any) -> Any:
        call = _Call(recorder, self, "write" if self.is_mutable else "read")
        with call.running(lambda: _about_function(fn)):
            write = _Write(call, {d.ISOLATED: True, d.TRANSACTION: True}, block=True)
            with write.awaited():
                return await original(self, write.writing(fn))

    return execute_isolated_fn


def _startup(original: Any, recorder: _Recorder) -> Any:
    started: WeakSet[Any] = WeakSet()

    async def invoke_startup(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Datasette calls it for the first request as well, where the host has called it.
        if self in started:
            return await original(self, *args, **kwargs)
        started.add(self)
        with recorder.tracer.start_as_current_span(d.STARTUP):
            return await original(self, *args, **kwargs)

    return invoke_startup


def _taken(database: Any) -> _Call | None:
    """The call of the method that calls this one for its own query, if there is one."""
    call = _outer.get()
    if call is None or call.database is not database:
        return None
    # The rest of it, such as a plugin's hook after a write, makes queries of its own.
    _outer.set(None)
    return call


def _about_statement(sql: str, params: Any = None, *, script: bool = False) -> dict[str, Any]:
    text = sql.strip()
    known: dict[str, Any] = {
        d.TEXT: text if len(text) <= MAX_STATEMENT else f"{text[:MAX_STATEMENT]}{TRUNCATED}",
    }
    # A script has several operations.
    word = None if script else _FIRST_WORD.match(text)
    if word and word[1].upper() in _OPERATIONS:
        known[d.OPERATION_NAME] = word[1].upper()
    if params:
        known[d.PARAMETERS] = len(params)
    return known


def _about_function(fn: Any) -> dict[str, Any]:
    return {d.CALLBACK: getattr(fn, "__qualname__", type(fn).__name__)}


def _fail(span: Span, error: Exception) -> None:
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, str(error)))


def _never(_: Exception) -> bool:
    return False
