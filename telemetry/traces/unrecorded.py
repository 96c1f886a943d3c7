"""Trace ids where nothing is configured: log lines of one request have one, and nothing else is.

Of OpenTelemetry's API alone. Nothing is recorded, sampled or sent, and the SDK
is not imported.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, NoOpTracer, SpanContext, TraceFlags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

    from telemetry.traces.provider import AdaptTracer


class UnrecordedTracer(NoOpTracer):
    """Starts spans that have ids and hold nothing."""

    def start_span(
        self, name: str, context: Context | None = None, *args: Any, **kwargs: Any
    ) -> Span:
        """As the API's: a parent's ids are kept. Without a parent they are new."""
        if trace.get_current_span(context).get_span_context().is_valid:
            return super().start_span(name, context, *args, **kwargs)
        return NonRecordingSpan(
            SpanContext(_bits(128), _bits(64), is_remote=False, trace_flags=TraceFlags())
        )


class UnrecordedTracerProvider(trace.TracerProvider):
    """Gives tracers that record nothing; those of some scopes are adapted.

    Datasette's is, so that the edge learns the route that it serves.
    """

    def __init__(self, adapters: Mapping[str, AdaptTracer]) -> None:
        self._adapters = dict(adapters)

    def get_tracer(self, instrumenting_module_name: str, *args: Any, **kwargs: Any) -> Tracer:
        """The tracer of an instrumentation scope."""
        adapt = self._adapters.get(instrumenting_module_name)
        return adapt(NoOpTracer()) if adapt else NoOpTracer()


def unrecorded_tracer(adapters: Mapping[str, AdaptTracer]) -> Tracer | None:
    """The edge's tracer, with a global provider beside it; None where another provider traces."""
    if not is_proxy_provider(trace.get_tracer_provider()):
        return None
    trace.set_tracer_provider(UnrecordedTracerProvider(adapters))
    return UnrecordedTracer()


def _bits(number: int) -> int:
    # Zero is OpenTelemetry's "invalid".
    return random.getrandbits(number) or 1


def is_proxy_provider(provider: object) -> bool:
    """Whether this is what OpenTelemetry's API gives where no provider was installed.

    Its stand-ins are private classes with telling names; Logfire's provider is
    a ``ProxyTracerProvider`` too.
    """
    kind = type(provider)
    is_proxy = kind.__name__.lstrip("_").startswith("Proxy")
    return is_proxy and kind.__module__.startswith("opentelemetry.")
