"""The tracer that scope ``datasette`` is given.

Datasette opens a SERVER span of its own and extracts the client's
``traceparent`` with no parent: behind the edge, every request would be two
traces, and a stranger's trace id would be believed after the edge had
refused it. Its SERVER span is therefore answered with one that enriches the
edge's, through `TracerProvider.get_tracer`; a host that builds a Datasette for
each request needs nothing more. The same door is where lighter spans can enter.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, SpanKind, Tracer

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
from telemetry.request import any_record, request_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Span


class DatasetteTracer(Tracer):
    """Adapts one SDK tracer; every span it starts is that tracer's."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

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
        """As the API's, but for the spans that Datasette should not have."""
        if kind is SpanKind.SERVER:
            return self._server(name, context, attributes, links, start_time)
        context, links = _detached(context, links)
        span = self._tracer.start_span(
            name,
            context,
            kind,
            attributes,
            links,
            start_time,
            record_exception,
            set_status_on_exception,
        )
        if name == QUERY:
            return QuerySpan(span)
        return PhaseSpan(span) if name in PHASES else span

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
        """As the API's, but for the spans that Datasette should not have."""
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
        # An exception that passes through the stand-in reaches the edge, which records it once.
        stand_in = isinstance(span, RequestSpan)
        within = trace.use_span(
            span,
            end_on_exit=end_on_exit,
            record_exception=record_exception and not stand_in,
            set_status_on_exception=set_status_on_exception and not stand_in,
        )
        return _unawaited(within) if name == WRITE and links else within

    def _server(
        self, method: str, context: Context | None, attributes: Any, links: Any, start: int | None
    ) -> Span:
        if in_datasette_client():
            # The current context, not the one extracted from the call's own headers.
            context, links = _detached(None, links)
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
        # A host's own span around Datasette stays the parent of Datasette's spans.
        inside = current.get_span_context().is_valid
        return RequestSpan(current if inside else record.span, record)


@contextmanager
def _unawaited(within: AbstractContextManager[Span]) -> Iterator[Span]:
    """A write that nobody waits for, which Datasette links to its cause: nor for its failure."""
    try:
        with within as span:
            yield span
    except Exception as error:
        failures.report(error, "datasette")
        raise


def _detached(context: Context | None, links: Any) -> tuple[Context | None, Any]:
    """The context and links for a span of work that may have outlived its request.

    A background task keeps the context of the request that it was started in:
    its spans get a trace of their own that links back, or they would be that
    one visitor's for as long as the process lives.
    """
    record = any_record() if context is None else None
    if record is None or not record.ended:
        return context, links
    current = trace.get_current_span()
    if current.is_recording() and not isinstance(current, RequestSpan):
        # A query that its visitor did not wait for, or a span of the task's own.
        return context, links
    cause = current.get_span_context()
    return Context(), (*(links or ()), Link(cause)) if cause.is_valid else links


def in_datasette_client() -> bool:
    """Whether the caller is ``datasette.client``; False where Datasette does not say."""
    flag = private_api.get(private_api.DATASETTE_CLIENT)
    return flag is not None and flag.get(False)
