"""Trace ids for log lines where no telemetry is configured.

Uses OpenTelemetry's API only. Nothing is recorded, sampled or sent, and the SDK
is not imported.
"""

from __future__ import annotations

from random import getrandbits
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, NoOpTracer, SpanContext, TraceFlags

from telemetry.registry import attributes as a
from telemetry.request import SPAN_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer, TraceState

    AdaptTracer = Callable[[Tracer], Tracer]

_NOT_SAMPLED = TraceFlags()


class UnrecordedServerSpan(NonRecordingSpan):
    """A SERVER span that is not recorded, except for its route: metrics and log lines have it."""

    has_own_ids = True
    """Whether the ids and flags are attributes of the span: see `telemetry.request.ids_of_span`."""
    trace_flags = _NOT_SAMPLED
    trace_state: TraceState | None = None

    def __init__(self, context: SpanContext) -> None:
        super().__init__(context)
        self.trace_id = context.trace_id
        self.span_id = context.span_id
        self.trace_flags = context.trace_flags
        self.trace_state = context.trace_state
        self.attributes: dict[str, Any] = {}
        """Has ``http.route`` and no other."""

    def set_attribute(self, key: str, value: Any) -> None:
        """Keep ``http.route``."""
        if key == a.HTTP_ROUTE:
            self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Keep ``http.route``."""
        for key, value in attributes.items():
            self.set_attribute(key, value)


class _LocalServerSpan(UnrecordedServerSpan):
    """One that makes its context when it is asked for it, which few requests do."""

    def __init__(self, trace_id: int, span_id: int) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.attributes = {}

    def get_span_context(self) -> SpanContext:
        """The ids of the span. It is neither remote nor sampled."""
        return SpanContext(self.trace_id, self.span_id, False, _NOT_SAMPLED)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.get_span_context()!r})"


class UnrecordedTracer(NoOpTracer):
    """Starts non-recording spans with valid ids."""

    def start_span(
        self, name: str, context: Context | None = None, *args: Any, **kwargs: Any
    ) -> Span:
        """As in the API, but a span without a parent has new ids."""
        if trace.get_current_span(context).get_span_context().is_valid:
            return super().start_span(name, context, *args, **kwargs)
        # Zero is an invalid id.
        return _LocalServerSpan(getrandbits(128) or 1, getrandbits(64) or 1)

    def start_checked(self, name: str, context: Context, *args: Any) -> Span:
        """As `telemetry.traces.light.LightTracer.start_checked`."""
        if SPAN_KEY in context:
            return self.start_span(name, context, *args)
        return _LocalServerSpan(getrandbits(128) or 1, getrandbits(64) or 1)


class UnrecordedTracerProvider(trace.TracerProvider):
    """Returns tracers that record nothing; those of some scopes are adapted.

    Datasette's tracer is adapted, so that the edge gets the route of each request.
    """

    def __init__(self, adapters: Mapping[str, AdaptTracer]) -> None:
        self._adapters = dict(adapters)

    def get_tracer(self, instrumenting_module_name: str, *args: Any, **kwargs: Any) -> Tracer:
        """The tracer of an instrumentation scope."""
        adapt = self._adapters.get(instrumenting_module_name)
        return adapt(NoOpTracer()) if adapt else NoOpTracer()


def unrecorded_tracer(adapters: Mapping[str, AdaptTracer]) -> Tracer | None:
    """The edge's tracer, or None if a provider is installed. Sets the global tracer provider."""
    if not is_proxy_provider(trace.get_tracer_provider()):
        return None
    trace.set_tracer_provider(UnrecordedTracerProvider(adapters))
    return UnrecordedTracer()


def is_proxy_provider(provider: object) -> bool:
    """Whether this is a proxy provider of OpenTelemetry's API: no provider was installed.

    The API's proxy classes are private, so they are recognised by name. Logfire's
    provider is a ``ProxyTracerProvider`` as well, so the module is checked, too.
    """
    kind = type(provider)
    is_proxy = kind.__name__.lstrip("_").startswith("Proxy")
    return is_proxy and kind.__module__.startswith("opentelemetry.")
