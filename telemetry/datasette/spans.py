"""Wrappers of the spans that Datasette starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.trace import Span, Status

from telemetry.asgi.routes import readable_route
from telemetry.datasette.sql_errors import result_code
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import SpanContext, StatusCode

    from telemetry.request import RequestRecord
    from telemetry.traces.light import LightSpan

    class OnEnd(Protocol):
        """Called when a query ends; ``expected`` says whether a failure of it was expected."""

        def __call__(self, *, expected: bool) -> None: ...


# Attributes that the edge sets itself or omits.
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
    """Delegates to another span."""

    __slots__ = ("_span", "light")

    def __init__(self, span: Span) -> None:
        self._span = span
        self.light: LightSpan | None = getattr(span, "light", None)
        """The light span that is wrapped, if it is one."""

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

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        self._span.add_link(context, attributes)

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
    """Replaces Datasette's SERVER span: the route goes to the edge's request record.

    ``is_recording()`` is True even if the trace is not sampled: Datasette sets the
    route on recording spans only, and metrics, logs and error events need the route
    of every request.
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
        """Ignored: the edge names the span by its route."""

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Ignored: the edge sets the status."""

    def end(self, end_time: int | None = None) -> None:
        """Ignored: the edge ends the span."""


class RoutedSpan(WrappedSpan):
    """A span that Datasette starts for a request, named by its readable route.

    Args:
        span: the span that is exported.
        name: prefix of the span's name: ``GET`` makes it ``GET /{database}``.
    """

    __slots__ = ("_name",)

    left_out: frozenset[str] = frozenset({a.USER_AGENT_ORIGINAL})
    """Attributes that are not recorded."""

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
        """Ignored: the span is named by its route."""


class ServerSpan(RoutedSpan):
    """Datasette's SERVER span, where the application has no edge."""

    __slots__ = ()


class ClientRequestSpan(RoutedSpan):
    """Span of a ``datasette.client`` call, in its caller's trace. Not counted as a request."""

    __slots__ = ()

    # The address is always http://localhost. The user agent is that of the client, if a plugin
    # passes its request's headers on.
    left_out = frozenset({a.SERVER_ADDRESS, a.URL_SCHEME, a.USER_AGENT_ORIGINAL})


class PhaseSpan(WrappedSpan):
    """A span within a ``db.query`` span, with SQLite's result code if it failed.

    The code is read when the exception is recorded: an ended span has only the exception's text.
    """

    __slots__ = ()

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        code = result_code(exception)
        if code is not None:
            self._span.set_attribute(a.DB_RESPONSE_STATUS_CODE, code)
        self._span.record_exception(exception, attributes, timestamp, escaped)


class QuerySpan(PhaseSpan):
    """A ``db.query`` span, with ``db.system.name`` as the semantic conventions have it since 1.30.

    It tracks whether a failure was expected even if the trace is not recorded, since
    the metrics of the query depend on that.
    """

    __slots__ = ("_failed", "_has_ended", "_held", "_interrupted", "_suppressed")

    def __init__(self, span: Span) -> None:
        super().__init__(span)
        self._failed = self._interrupted = self._suppressed = self._has_ended = False
        self._held: list[OnEnd] = []

    def hold(self, on_end: OnEnd) -> None:
        """Call ``on_end`` when the span ends, with whether a failure was expected.

        At once, if it has ended.
        """
        self._held.append(on_end)
        if self._has_ended:
            self._call_held()

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
        self._has_ended = True
        self._call_held()

    def _call_held(self) -> None:
        held, self._held = self._held, []
        for on_end in held:
            # Datasette sets no error status if the caller handles the time limit. With
            # an error status, the time limit is a failure.
            on_end(expected=self._suppressed or (self._interrupted and not self._failed))
