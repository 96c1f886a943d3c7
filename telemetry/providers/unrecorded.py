"""Trace ids where nothing is configured: log lines of one request have one, and nothing else is.

Of OpenTelemetry's API alone. Nothing is recorded, sampled or sent, and the SDK
is not imported.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, NoOpTracer, SpanContext, TraceFlags

from telemetry.adapters.datasette_tracer import SCOPE, DatasetteTracer
from telemetry.providers.installed import is_stand_in

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer


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
    """What Datasette asks for its tracer, so that it tells which route it serves."""

    def get_tracer(self, instrumenting_module_name: str, *args: Any, **kwargs: Any) -> Tracer:
        """The tracer of an instrumentation scope."""
        adapt = instrumenting_module_name == SCOPE
        return DatasetteTracer(NoOpTracer()) if adapt else NoOpTracer()


def unrecorded_tracer() -> Tracer | None:
    """The edge's tracer, and Datasette's with it; None where somebody's own provider traces."""
    if not is_stand_in(trace.get_tracer_provider()):
        return None
    trace.set_tracer_provider(UnrecordedTracerProvider())
    return UnrecordedTracer()


def _bits(number: int) -> int:
    # Zero is OpenTelemetry's "invalid".
    return random.getrandbits(number) or 1
