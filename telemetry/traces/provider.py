"""The tracer provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from telemetry.export.flushing import ProviderFlush
from telemetry.registry.attributes import SCHEMA_URL
from telemetry.traces.light import LightTracer
from telemetry.traces.spans import RecordedSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Tracer

    from telemetry.traces.unrecorded import AdaptTracer


class TracerProvider(sdk.TracerProvider):
    """The SDK's tracer provider, with light spans and adapted tracers for some scopes.

    Args:
        adapters: by scope name, a function that wraps the tracer. It renames attributes
            that are older than the semantic conventions of ``SCHEMA_URL``.
        light: names of scopes whose spans are light ones.
        sampler, resource, span_limits, **kwargs: arguments of the SDK's provider.
    """

    def __init__(
        self,
        sampler: Sampler | None = None,
        resource: Resource | None = None,
        *,
        adapters: Mapping[str, AdaptTracer] | None = None,
        light: Collection[str] = (),
        span_limits: sdk.SpanLimits | None = None,
        **kwargs: Any,
    ) -> None:
        self._adapters = dict(adapters or {})
        self._light = frozenset(light)
        self._limits = span_limits or sdk.SpanLimits()
        # Those of light spans: all that are added, but for what only the SDK's spans need.
        self._processors: list[SpanProcessor] = []
        self.flush = ProviderFlush()
        super().__init__(sampler, resource, span_limits=self._limits, **kwargs)

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add a processor, which gets the spans of all scopes."""
        super().add_span_processor(span_processor)
        if not isinstance(span_processor, RecordedSpanProcessor):
            self._processors.append(span_processor)
        self.flush.others.append(span_processor)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send the spans that have ended. Returns whether all were delivered in time."""
        return self.flush(timeout_millis)

    def shutdown(self) -> None:
        """Send the spans that have ended, and shut the processors down."""
        self.flush.end()
        super().shutdown()

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """The tracer of an instrumentation scope."""
        adapt = self._adapters.get(instrumenting_module_name)
        schema_url = SCHEMA_URL if adapt else schema_url
        tracer = super().get_tracer(
            instrumenting_module_name, instrumenting_library_version, schema_url, attributes
        )
        # With OTEL_SDK_DISABLED it is another one.
        if instrumenting_module_name in self._light and isinstance(tracer, sdk.Tracer):
            # As the SDK makes it, with an empty version for none.
            version = instrumenting_library_version or ""
            scope = InstrumentationScope(instrumenting_module_name, version, schema_url, attributes)
            tracer = LightTracer(self._processors, tracer, scope, self._limits)
        return adapt(tracer) if adapt else tracer
