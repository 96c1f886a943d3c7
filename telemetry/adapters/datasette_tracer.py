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
from opentelemetry.trace import INVALID_SPAN, SpanKind, Tracer

from telemetry.adapters.datasette_spans import (
    ClientRequestSpan,
    QuerySpan,
    RequestSpan,
    ServerSpan,
)
from telemetry.request import any_record, request_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

# The first version in which every name emitted under this scope is current,
# now that `db.system` is renamed.
SCHEMA_URL = "https://opentelemetry.io/schemas/1.30.0"
QUERY = "db.query"


class DatasetteTracer(Tracer):
    """Adapts one SDK tracer; every span it starts is that tracer's."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        *args: Any,
        **kwargs: Any,
    ) -> Span:
        """As the API's, but for the spans that Datasette should not have."""
        if kind is SpanKind.SERVER:
            return self._server(name, context, *args, **kwargs)
        span = self._tracer.start_span(name, context, kind, *args, **kwargs)
        return QuerySpan(span) if name == QUERY and span.is_recording() else span

    @contextmanager
    def _current(self, span: Span, **use: Any) -> Iterator[Span]:
        with trace.use_span(span, **use) as current:
            yield current

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
        return self._current(
            span,
            end_on_exit=end_on_exit,
            record_exception=record_exception and not stand_in,
            set_status_on_exception=set_status_on_exception and not stand_in,
        )

    def _server(self, method: str, context: Context | None, *args: Any, **kwargs: Any) -> Span:
        if _in_datasette_client():
            # The current context, not the one extracted from the call's own headers.
            span = self._tracer.start_span(
                f"datasette.client {method}", None, SpanKind.INTERNAL, *args, **kwargs
            )
            return ClientRequestSpan(span, method)
        record = request_record()
        if record is None:
            if any_record() is not None:
                # A task that outlived its request: its own trace, not the visitor's.
                context = None
            span = self._tracer.start_span(method, context, SpanKind.SERVER, *args, **kwargs)
            return ServerSpan(span, method)
        if record.datasette_excluded:
            record.excluded = True
        if record.excluded:
            return INVALID_SPAN
        current = trace.get_current_span()
        # A host's own span around Datasette stays the parent of Datasette's spans.
        inside = current.get_span_context().is_valid
        return RequestSpan(current if inside else record.span, record)


def _in_datasette_client() -> bool:
    """Whether the caller is ``datasette.client``.

    A private name of Datasette's; the span attribute that says the same is only
    set after the span was started. Without the name a call counts as a request.
    """
    try:
        from datasette.telemetry import _in_datasette_client as flag
    except ImportError:
        return False
    return bool(flag.get())
