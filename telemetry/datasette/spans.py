"""The spans that Datasette is handed in place of those it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.trace import Span, Status

from telemetry.asgi.routes import readable_route
from telemetry.datasette.sql_errors import result_code
from telemetry.errors import failures
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import SpanContext, StatusCode

    from telemetry.request import RequestRecord

    class OnEnd(Protocol):
        """What waits for a query's end."""

        def __call__(self, *, expected: bool) -> None: ...


# What the edge has set already, or leaves out on purpose.
_EDGE_ONLY = frozenset(
    {
        a.HTTP_REQUEST_METHOD,
        a.URL_PATH,
        a.URL_SCHEME,
        a.SERVER_ADDRESS,
        a.USER_AGENT_ORIGINAL,
        a.HTTP_RESPONSE_STATUS_CODE,
        a.ERROR_TYPE,
    }
)


class WrappedSpan(Span):
    """Passes everything on to another span."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def end(self, end_time: int | None = None) -> None:
        self._span.end(end_time)

    def get_span_context(self) -> SpanContext:
        return self._span.get_span_context()

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def set_attribute(self, key: str, value: Any) -> None:
        self._span.set_attribute(key, value)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self._span.add_event(name, attributes, timestamp)

    def update_name(self, name: str) -> None:
        self._span.update_name(name)

    def is_recording(self) -> bool:
        return self._span.is_recording()

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self._span.set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self._span.record_exception(exception, attributes, timestamp, escaped)


class RequestSpan(WrappedSpan):
    """Stands in for Datasette's SERVER span: what it learns goes to the edge's record.

    It says that it is recording even where the trace is not sampled, since
    Datasette tells the route to recording spans only, and metrics, logs and
    errors need the route whatever becomes of the trace.
    """

    __slots__ = ("_record",)

    def __init__(self, span: Span, record: RequestRecord) -> None:
        super().__init__(span)
        self._record = record

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: Any) -> None:
        if key == a.HTTP_ROUTE:
            self._record.route = readable_route(str(value))
        elif key not in _EDGE_ONLY:
            self._span.set_attribute(key, value)

    def update_name(self, name: str) -> None:
        """The edge names the span, from the route."""

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """The edge sees the status itself."""

    def end(self, end_time: int | None = None) -> None:
        """The edge ends the span."""


class RoutedSpan(WrappedSpan):
    """A request's span of Datasette's own that is kept: named by its readable route.

    Args:
        span: the span that is exported.
        name: what the route is put behind: ``GET`` makes it ``GET /{database}``.
    """

    __slots__ = ("_name",)

    left_out: frozenset[str] = frozenset({a.USER_AGENT_ORIGINAL})
    """Attributes that are not passed on."""

    def __init__(self, span: Span, name: str) -> None:
        super().__init__(span)
        self._name = name

    def set_attribute(self, key: str, value: Any) -> None:
        if key == a.HTTP_ROUTE:
            route = readable_route(str(value))
            self._span.set_attribute(a.HTTP_ROUTE, route)
            self._span.update_name(f"{self._name} {route}")
        elif key not in self.left_out:
            self._span.set_attribute(key, value)

    def update_name(self, name: str) -> None:
        """Named by its route, above."""


class ServerSpan(RoutedSpan):
    """Datasette's own SERVER span, where no edge is in front of it."""

    __slots__ = ()


class ClientRequestSpan(RoutedSpan):
    """A ``datasette.client`` call, inside its caller's trace and never counted as a request."""

    __slots__ = ()

    # Always http://localhost; and the visitor's own browser, where a plugin hands headers on.
    left_out = frozenset({a.SERVER_ADDRESS, a.URL_SCHEME, a.USER_AGENT_ORIGINAL})


class PhaseSpan(WrappedSpan):
    """A span within a ``db.query`` span: it has SQLite's result code where it failed.

    The code is taken from the exception when it is recorded: an ended span has only its text.
    """

    __slots__ = ()

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        failures.set_origin(exception, failures.Origin.of(self._span.get_span_context()))
        code = result_code(exception)
        if code is not None:
            self._span.set_attribute(a.DB_RESPONSE_STATUS_CODE, code)
        self._span.record_exception(exception, attributes, timestamp, escaped)


class QuerySpan(PhaseSpan):
    """A ``db.query`` span whose system is named as the conventions name it since 1.30.

    It knows whether a failure was expected, be the trace recorded or not: what
    is measured of the query needs to know that, too.
    """

    __slots__ = ("_failed", "_interrupted", "_measured", "_suppressed")

    def __init__(self, span: Span) -> None:
        super().__init__(span)
        self._failed = self._interrupted = self._suppressed = False
        self._measured: OnEnd | None = None

    def hold(self, on_end: OnEnd) -> None:
        """Have ``settle`` called at the end, which is told whether the failure was expected."""
        self._measured = on_end

    def set_attribute(self, key: str, value: Any) -> None:
        if key == d.SUPPRESSED:
            self._suppressed = bool(value)
        elif key == d.INTERRUPTED:
            self._interrupted = bool(value)
        self._span.set_attribute(a.DB_SYSTEM_NAME if key == d.SYSTEM else key, value)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        self._failed = True
        self._span.set_status(status, description)

    def end(self, end_time: int | None = None) -> None:
        self._span.end(end_time)
        if self._measured is not None:
            on_end, self._measured = self._measured, None
            # A time limit that its caller chose; one that the visitor hit is a failure.
            on_end(expected=self._suppressed or (self._interrupted and not self._failed))
