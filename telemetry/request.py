"""The request record: what the edge, the router and the frameworks record of one request.

The edge puts one mutable record into the OpenTelemetry context, and the router and
the frameworks set the site and the route on it. A context value that an inner
application sets is not visible outside of it, since Django runs views in a child
task; a change of a mutable record is.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context

from telemetry.header_values import header_values, without
from telemetry.registry import attributes as a
from telemetry.registry.attributes import OUTCOMES
from telemetry.registry.redaction import MARGIN
from telemetry.scope import MAX_PATH

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping
    from typing import Any

    from opentelemetry.trace import Span, SpanContext

    from telemetry.registry.attributes import Outcome

    # As `ids_of` gives them.
    Ids = tuple[str, str, str] | None
    Last = tuple[Ids, str | None, str | None]

MAX_EVENTS = 8
SCOPE_KEY = "telemetry.request"
"""Key of the request record in an ASGI scope, while the request is served."""
RECORD_KEY = context_api.create_key("telemetry.request")
"""Key of the request record in a context."""
(SPAN_KEY,) = trace.set_span_in_context(trace.INVALID_SPAN, Context())
"""Key of the current span in a context, for code that reads both at once."""

_last: ContextVar[Last | None] = ContextVar("telemetry.last_request", default=None)
_last_values: ContextVar[tuple[str, ...]] = ContextVar("telemetry.last_values", default=())

NO_SPAN = trace.set_span_in_context(trace.INVALID_SPAN, Context())
"""A context without a span. Many functions use the current context instead of an empty one."""


class RequestRecord:
    """The state of one request, from its start at the edge to its end.

    Public, for reading: ``method``, ``site``, ``route`` and ``outcome``. `set_site`,
    `set_outcome` and `set_failure` change it.

    Example:
        >>> def greeting(record: telemetry.RequestRecord | None) -> str:
        ...     return f"Welcome to {record.site}" if record and record.site else "Welcome"
        >>> greeting(telemetry.request_record())
        'Welcome'
    """

    __slots__ = (
        "_ids",
        "_private_values",
        "body",
        "cause",
        "datasette_excluded",
        "ended",
        "event_url",
        "events",
        "excluded",
        "failure",
        "headers_shown",
        "method",
        "outcome",
        "own_route",
        "scope",
        "scopes",
        "site",
        "span",
        "template_time",
        "unseen",
        "untraced",
    )

    def __init__(self, method: str, span: Span, scope: Mapping[str, Any] | None = None) -> None:
        self.method = method
        self.span = span
        # The server's scope: the edge's copy refers to this record, which would be a
        # reference cycle.
        self.scope = scope or {}
        self.site: str | None = None
        # The route, where a framework's instrumentation has set it.
        self.own_route: str | None = None
        # The first part of the body, for `telemetry.datasette.request_errors`.
        self.body = b""
        # "request" if what the client sent has caused the failure; None otherwise.
        self.cause: str | None = None
        self.outcome: Outcome = "served"
        # The exception that a framework turned into an error page, if any.
        self.failure: BaseException | None = None
        # Unraisable exceptions, held until it is known whether SQLite's error follows.
        self.unseen: list[Exception] = []
        # Ids of the request's error events.
        self.events: list[str] = []
        # Template of the address of those events, if it is not the edge's; "" if there is none.
        self.event_url: str | None = None
        # Of an error tracker's SDK, by its own kinds: see `telemetry.errors.sentry.scopes`.
        self.scopes: dict[Any, Any] = {}
        # Matched by an OTEL_PYTHON_*_EXCLUDED_URLS variable: neither traced nor counted.
        self.excluded = False
        # Matched by Datasette's list: excluded if Datasette serves the request.
        self.datasette_excluded = False
        # Matched by TELEMETRY_UNTRACED_PATHS: counted, and its spans are dropped.
        self.untraced = False
        # Template rendering in seconds; measured under DEBUG only.
        self.template_time = 0.0
        self.ended = False
        # Names of request headers that the operator has configured to be recorded.
        self.headers_shown: re.Pattern[str] | None = None
        self._private_values: tuple[str, ...] | None = None
        self._ids: tuple[str, str, str] | None = None

    def without_headers(self, text: str) -> str:
        """The text with the values of the request's headers replaced, as Django's messages have.

        Those that are configured to be recorded stay, and those that say nothing of a person: of
        content types, encodings and connections.
        """
        return without(self.private_values, text)

    @property
    def private_values(self) -> tuple[str, ...]:
        """The values of headers that `without_headers` replaces."""
        if self._private_values is None:
            headers = self.scope.get("headers") or ()
            self._private_values = header_values(headers, self.headers_shown)
        return self._private_values

    @property
    def route(self) -> str | None:
        """The framework's route, or ``http.route`` as the host has set it on the SERVER span."""
        if self.own_route is not None or self.ended:
            # The edge has read the span's own at the end.
            return self.own_route
        # Not kept: a host may set it again, as an application that is mounted in another does.
        attributes = getattr(self.span, "attributes", None)
        route = attributes.get(a.HTTP_ROUTE) if attributes else None
        return route[: MAX_PATH + MARGIN] if isinstance(route, str) else None

    @route.setter
    def route(self, route: str | None) -> None:
        self.own_route = route

    def note_event(self, event_id: str) -> None:
        """Add the id of an error event, up to ``MAX_EVENTS``: a loop may log any number."""
        if event_id and event_id not in self.events and len(self.events) < MAX_EVENTS:
            self.events.append(event_id)


def ids_of(record: RequestRecord) -> Ids:
    """Trace id, span id and flags of a request's SERVER span in hexadecimal; None if it has none.

    As OpenTelemetry specifies them for formats other than OTLP.
    """
    if record._ids is None:
        span = ids_of_span(record.span)
        trace_id, span_id = span.trace_id, span.span_id
        if trace_id and span_id:
            record._ids = _hexadecimal(trace_id, span_id, span.trace_flags)
    return record._ids


def _hexadecimal(trace_id: int, span_id: int, flags: int) -> tuple[str, str, str]:
    shown = _FLAGS.get(flags) or f"{flags:02x}"
    try:
        # Half the time of formatting whole numbers.
        return trace_id.to_bytes(16, "big").hex(), span_id.to_bytes(8, "big").hex(), shown
    except OverflowError:
        # Of a host's generator of ids.
        return f"{trace_id:032x}", f"{span_id:016x}", shown


_FLAGS = {number: f"{number:02x}" for number in range(4)}


def ids_of_span(span: Any) -> SpanContext:
    """What has a span's ``trace_id``, ``span_id`` and ``trace_flags``: its context, or itself.

    A light span says that it has them. It makes its context when it is asked for it.
    """
    found: SpanContext = (
        span if getattr(span, "has_own_ids", None) is True else span.get_span_context()
    )
    return found


def attach_record(record: RequestRecord, context: Context) -> Context:
    """Return ``context`` with the record in it."""
    return context_api.set_value(RECORD_KEY, record, context)


def request_record(context: Context | None = None) -> RequestRecord | None:
    """The record of the request being served, or None.

    A task that outlives its request keeps the request's context, but the record has
    ended by then. So background work has no site and no route; those of the request
    that started it would be misleading.

    Example:
        >>> async def application(scope, receive, send):
        ...     record = telemetry.request_record()
        ...     assert record is not None and record.method == "GET"
        >>> telemetry.request_record() is None
        True
    """
    record = any_record(context)
    return record if record is not None and not record.ended else None


def any_record(context: Context | None = None) -> RequestRecord | None:
    """The record in the context, ended or not."""
    # Not `get_value`, which reads the current context in two further calls.
    known = context_api.get_current() if context is None else context
    record: Any = known.get(RECORD_KEY)
    return record if record.__class__ is RequestRecord else None


def leave(record: RequestRecord) -> None:
    """Remember the request that has ended in this context, for what its server logs afterwards.

    Not the record itself: timers of the server keep the context for seconds.
    """
    _last.set((ids_of(record), record.site, record.route))


def last_request() -> Last | None:
    """The ids, site and route of the request that ended last in this context, or None."""
    return _last.get()


def keep_header_values(record: RequestRecord) -> None:
    """Remember the values of a failed request's headers, for the traceback that its server logs."""
    _last_values.set(record.private_values)


def last_header_values() -> tuple[str, ...]:
    """The values of the headers of the request that failed last in this context."""
    return _last_values.get()


def set_site(site: str) -> None:
    """Set the registered site that serves the current request.

    Call it from the router, and only for a registered site: a host name that a client
    made up must never become the value of a metric attribute. Without the edge, the
    site is set on the current span, for `telemetry.DatasetteSpanProcessor`. Does
    nothing outside a request, or if telemetry is not configured.

    Example:
        >>> registered = {b"alameda.ca.civic.band": "alameda.ca"}
        >>> async def application(scope, receive, send):
        ...     host = dict(scope["headers"]).get(b"host", b"")
        ...     if host in registered:
        ...         telemetry.set_site(registered[host])
    """
    record = any_record()
    if record is None:
        trace.get_current_span().set_attribute(a.SITE, site)
    elif not record.ended:
        record.site = site


def set_outcome(outcome: Outcome) -> None:
    """Set the outcome of the current request, if the edge can't detect it: ``unknown_site``.

    Raises:
        ValueError: if the outcome is not one of ``OUTCOMES``.

    Example:
        >>> async def application(scope, receive, send):
        ...     telemetry.set_outcome("unknown_site")
        ...     await send({"type": "http.response.start", "status": 302, "headers": []})
        ...     await send({"type": "http.response.body", "body": b""})
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome={outcome!r}: wanted one of {', '.join(sorted(OUTCOMES))}")
    record = request_record()
    if record is not None:
        record.outcome = outcome


def set_failure(error: BaseException) -> None:
    """Set the exception behind an error page that the host is about to send.

    For code that catches an exception and responds with 5xx. The span then records the
    exception, and it becomes an error event if errors are tracked. The error pages of
    Django and Datasette do not need it. Does nothing outside a request, or if telemetry
    is not configured.

    Example:
        >>> async def application(scope, receive, send):
        ...     try:
        ...         raise LookupError("no such minutes")
        ...     except LookupError as error:
        ...         telemetry.set_failure(error)
        ...         await send({"type": "http.response.start", "status": 500, "headers": []})
        ...         await send({"type": "http.response.body", "body": b"Sorry"})
    """
    record = request_record()
    if record is not None:
        record.failure = error


def trace_id() -> str | None:
    """The current request's trace id, 32 hexadecimal digits, for an error page.

    None outside a request, or if neither telemetry nor `logging_config` is in use.

    Example:
        >>> async def application(scope, receive, send):
        ...     assert len(telemetry.trace_id()) == 32
        >>> telemetry.trace_id() is None
        True
    """
    record = request_record()
    if record is None:
        return None
    ids = ids_of(record)
    return None if ids is None else ids[0]
