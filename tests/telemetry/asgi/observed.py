"""An edge whose spans and metrics stay in memory. The SDK is the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from telemetry.asgi.edge import Edge
from telemetry.asgi.options import EdgeOptions
from telemetry.datasette.folding import DatasetteSpanProcessor
from telemetry.traces.samplers import RequestSampler
from telemetry.traces.spans import RecordedSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler

    from tests.telemetry.asgi.driving import App


class Observed:
    """An application behind the edge; `**kwargs` are the edge's."""

    def __init__(
        self,
        app: App,
        *,
        sampler: Sampler = ALWAYS_ON,
        processors: Iterable[SpanProcessor] = (),
        **kwargs: Any,
    ) -> None:
        self._spans = InMemorySpanExporter()
        tracer_provider = TracerProvider(RequestSampler(sampler), shutdown_on_exit=False)
        exporting = DatasetteSpanProcessor(SimpleSpanProcessor(self._spans))
        for processor in (RecordedSpanProcessor(), exporting, *processors):
            tracer_provider.add_span_processor(processor)
        self._metrics = InMemoryMetricReader()
        meter_provider = MeterProvider([self._metrics], shutdown_on_exit=False)
        self.tracer = tracer_provider.get_tracer("the test's own")
        providers = {"tracer_provider": tracer_provider, "meter_provider": meter_provider}
        self.edge = Edge(app, EdgeOptions(**(providers | kwargs)))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Every ended span."""
        return self._spans.get_finished_spans()

    @property
    def span(self) -> ReadableSpan:
        """The only ended span."""
        [span] = self.spans
        return span

    @property
    def attributes(self) -> dict[str, Any]:
        """The only span's attributes, by plain names."""
        return {str(key): value for key, value in (self.span.attributes or {}).items()}

    def points(self, name: str) -> list[Any]:
        """A metric's data points, one for each set of attributes."""
        data = self._metrics.get_metrics_data()
        if data is None:
            return []
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    @property
    def counted(self) -> int:
        """How many requests the duration histogram has seen."""
        return sum(point.count for point in self.points("http.server.request.duration"))

    @property
    def active(self) -> list[int]:
        """The active requests, a number for each set of attributes."""
        return [point.value for point in self.points("http.server.active_requests")]
