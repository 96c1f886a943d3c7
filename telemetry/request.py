"""The request record: what the edge, the router and the frameworks know of one request.

The edge puts one mutable record into the OpenTelemetry context; whoever learns
the site or the route writes it there. A context value set by an inner
application does not come back out (Django runs views in a child task), a
mutable record does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context

from telemetry.registry import attributes as a
from telemetry.registry.attributes import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from opentelemetry.trace import Span

    from telemetry.registry.attributes import Outcome

MAX_EVENTS = 8

_KEY = context_api.create_key("telemetry.request")

NO_SPAN = trace.set_span_in_context(trace.INVALID_SPAN, Context())
"""A context of no trace. An empty one would mean the current, to most who are given it."""


class RequestRecord:
    """One request, from its first byte at the edge to its last."""

    __slots__ = (
        "datasette_excluded",
        "ended",
        "events",
        "excluded",
        "failure",
        "method",
        "outcome",
        "route",
        "scope",
        "site",
        "span",
        "template_time",
        "unseen",
        "untraced",
    )

    def __init__(self, method: str, span: Span, scope: Mapping[str, Any] | None = None) -> None:
        self.method = method
        self.span = span
        # The server's own: ours holds this record, and neither would be let go.
        self.scope = scope or {}
        self.site: str | None = None
        self.route: str | None = None
        self.outcome: Outcome = "served"
        # The exception that a framework turned into an error page.
        self.failure: BaseException | None = None
        # Those that Python could only ignore, until it is known whether another follows.
        self.unseen: list[Exception] = []
        # Ids of the error events that it led to.
        self.events: list[str] = []
        # Its framework's OTEL_PYTHON_*_EXCLUDED_URLS names it: neither traced nor counted.
        self.excluded = False
        # It would be, should Datasette turn out to serve it.
        self.datasette_excluded = False
        # TELEMETRY_UNTRACED_PATHS names it: counted, and none of its spans is kept.
        self.untraced = False
        # Seconds; measured under DEBUG only.
        self.template_time = 0.0
        self.ended = False

    def note_event(self, event_id: str) -> None:
        """Keep an error event's id, for the span: the first few, since a loop may log each."""
        if event_id and event_id not in self.events and len(self.events) < MAX_EVENTS:
            self.events.append(event_id)


def attach_record(record: RequestRecord, context: Context) -> Context:
    """``context`` with the record in it."""
    return context_api.set_value(_KEY, record, context)


def request_record(context: Context | None = None) -> RequestRecord | None:
    """The record of the request being served, or None.

    A task that outlives its request keeps the request's context, but the record
    has ended by then: background work has no site and no route, which beats
    naming the visitor whose request happened to start it.
    """
    record = context_api.get_value(_KEY, context)
    if isinstance(record, RequestRecord) and not record.ended:
        return record
    return None


def any_record(context: Context | None = None) -> RequestRecord | None:
    """The record in the context, ended or not."""
    record = context_api.get_value(_KEY, context)
    return record if isinstance(record, RequestRecord) else None


def set_site(site: str) -> None:
    """Name the registered site that serves the current request.

    Call it from the router, once it knows the site to be registered: a host
    name that a client made up must never become a label. Does nothing outside
    a request, or when telemetry is not configured; without our edge, the
    current span keeps it for `telemetry.DatasetteSpanProcessor`.
    """
    record = any_record()
    if record is None:
        trace.get_current_span().set_attribute(a.SITE, site)
    elif not record.ended:
        record.site = site


def set_outcome(outcome: Outcome) -> None:
    """Say how the request ended, where the edge can't see it: ``unknown_site``.

    Raises:
        ValueError: for an outcome that is not one of ``OUTCOMES``.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome={outcome!r}: wanted one of {', '.join(sorted(OUTCOMES))}")
    record = request_record()
    if record is not None:
        record.outcome = outcome


def set_failure(error: BaseException) -> None:
    """Say which exception the error page that is about to be sent stands for.

    For whoever catches one and answers 5xx: the span then names and records it,
    and where errors are tracked it becomes an event. Frameworks' own error pages
    need no such help. Does nothing outside a request, or when telemetry is not
    configured.
    """
    record = request_record()
    if record is not None:
        record.failure = error


def trace_id() -> str | None:
    """The id of the current request's trace, 32 hexadecimal digits, for an error page to show.

    None outside a request, and where neither telemetry nor `logging_config` is in use.
    """
    record = request_record()
    if record is None:
        return None
    context = record.span.get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
