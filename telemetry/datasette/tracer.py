"""The tracer of the instrumentation scope ``datasette``.

Datasette starts its own SERVER span and extracts the client's ``traceparent``
into an empty context. Behind the edge, every request would have two traces, and
a client's trace id would be used after the edge had rejected it. So this tracer
replaces Datasette's SERVER span by one that adds to the edge's.
`TracerProvider.get_tracer` returns it, which also covers a host that builds a
Datasette for each request.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    NoOpTracer,
    SpanKind,
    Tracer,
)

from telemetry import private_api
from telemetry.datasette.spans import (
    ClientRequestSpan,
    PhaseSpan,
    QuerySpan,
    RequestSpan,
    ServerSpan,
)
from telemetry.errors import failures
from telemetry.registry.datasette import PHASES, QUERY, WRITE
from telemetry.request import RECORD_KEY, request_record
from telemetry.traces.current import current_span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Span, SpanContext

# Read once, since an enumeration looks its members up in Python.
_SERVER = SpanKind.SERVER


class DatasetteTracer(Tracer):
    """Adapts the tracer that starts all spans."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        # Then only the route of a request is of use, and failures of writes.
        self._records_nothing = type(tracer) is NoOpTracer
        # Not by its class, which needs the SDK: without a destination it is not imported.
        self._start_light: Any = getattr(tracer, "start", None)
        if self._start_light is not None:
            from telemetry.datasette.light import SPAN_CLASSES
            from telemetry.traces.light import LightSpan

            self._class_of = {**SPAN_CLASSES}
            self._other = LightSpan
            tracer.detach = _detached  # type: ignore[attr-defined] # of a `LightTracer`

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """As in the API, but SERVER spans are replaced and spans of queries are wrapped."""
        if kind is _SERVER:
            return self._server(name, context, attributes, links, start_time)
        if self._records_nothing:
            return _UnrecordedSpan(_current(())[0] if context is None else context)
        on_exception = record_exception, set_status_on_exception
        if self._start_light is not None:
            span_class = self._class_of.get(name, self._other)
            span: Span = self._start_light(
                span_class, name, context, kind, attributes, links, start_time, on_exception
            )
            if span.__class__ is span_class:
                return span
        else:
            if context is None:
                context, links = _current(links)
            span = self._tracer.start_span(
                name, context, kind, attributes, links, start_time, *on_exception
            )
        return _wrapped(span, name)

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Any:
        """As in the API, but SERVER spans are replaced and spans of queries are wrapped."""
        if self._start_light is not None and kind is not _SERVER and name != WRITE:
            # As below, with fewer calls.
            span_class = self._class_of.get(name, self._other)
            span: Span = self._start_light(
                span_class, name, context, kind, attributes, links, start_time
            )
            if span.__class__ is not span_class:
                span = _wrapped(span, name)
            return current_span(
                span,
                end_on_exit=end_on_exit,
                record_exception=record_exception,
                set_status_on_exception=set_status_on_exception,
            )
        if self._records_nothing and context is None and kind is not _SERVER and not links:
            current = context_api.get_current()
            record: Any = current.get(RECORD_KEY)
            if record is None or not record.ended:
                # The span around it stays the current one, which has the same ids.
                return nullcontext(_UnrecordedSpan(current))
        if context is None and self._start_light is not None and name == WRITE:
            context, links = _current(links)
        span = self.start_span(
            name,
            context,
            kind,
            attributes,
            links,
            start_time,
            record_exception,
            set_status_on_exception,
        )
        # The edge records an exception that passes through the replaced SERVER span.
        is_replaced = span.__class__ is RequestSpan
        made = current_span(
            span,
            end_on_exit=end_on_exit,
            record_exception=record_exception and not is_replaced,
            set_status_on_exception=set_status_on_exception and not is_replaced,
        )
        return _background_write(made) if name == WRITE and links else made

    def _server(
        self, method: str, context: Context | None, attributes: Any, links: Any, start: int | None
    ) -> Span:
        if in_datasette_client():
            if self._records_nothing:
                return _UnrecordedSpan(_current(())[0])
            # The current context, not the one extracted from the call's own headers.
            context, links = _current(links)
            name = f"datasette.client {method}"
            span = self._tracer.start_span(
                name, context, SpanKind.INTERNAL, attributes, links, start
            )
            return ClientRequestSpan(span, name)
        record = request_record()
        if record is None:
            span = self._tracer.start_span(
                method, context, SpanKind.SERVER, attributes, links, start
            )
            return ServerSpan(span, method)
        if record.datasette_excluded:
            record.excluded = True
        if record.excluded:
            return INVALID_SPAN
        current = trace.get_current_span()
        # A span of the host around Datasette stays the parent of Datasette's spans.
        inside = current.get_span_context().is_valid
        return RequestSpan(current if inside else record.span, record)


class _UnrecordedSpan(NonRecordingSpan):
    """A span that is not recorded, with the ids of the one around it.

    Not the API's, which is the span of the request where that is not recorded: it would get the
    attributes of others, and the route of a request within it.

    Args:
        within: the OpenTelemetry context around it. It is read when the ids are asked for, which
            few callers do.
    """

    def __init__(self, within: Context) -> None:
        self._within = within

    def get_span_context(self) -> SpanContext:
        return trace.get_current_span(self._within).get_span_context()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.get_span_context()!r})"


@contextmanager
def _background_write(current: AbstractContextManager[Span]) -> Iterator[Span]:
    """Report the failure of a write that has no caller waiting for it."""
    try:
        with current as span:
            yield span
    except Exception as error:
        failures.report(error, "datasette")
        raise


def _wrapped(span: Span, name: str) -> Span:
    """A span that is not a light one, as its name wants it."""
    if name == QUERY:
        return QuerySpan(span)
    return PhaseSpan(span) if name in PHASES else span


def _current(links: Any) -> tuple[Context, Any]:
    """The current context and the links, for a span that may start after its request has ended."""
    context = context_api.get_current()
    record: Any = context.get(RECORD_KEY)
    if record is None or not record.ended:
        return context, links
    return _detached(context, links)


def _detached(context: Context, links: Any) -> tuple[Context, Any]:
    """The context and the links for a span that starts after its request has ended.

    A background task keeps the context of the request that started it. Its spans get
    a new trace that links to the request's; otherwise they would be part of that
    trace for as long as the process lives.
    """
    current = trace.get_current_span(context)
    if current.is_recording() and not isinstance(current, RequestSpan):
        # A query that outlived its request, or a span that the task started.
        return context, links
    cause = current.get_span_context()
    return Context(), (*(links or ()), Link(cause)) if cause.is_valid else links


def in_datasette_client() -> bool:
    """Whether a ``datasette.client`` call is running; False where Datasette has no such flag."""
    flag = private_api.get(private_api.DATASETTE_CLIENT)
    return flag is not None and flag.get(False)
