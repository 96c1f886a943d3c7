"""An exporter that keeps what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData


class Exported(MetricExporter):
    """Keeps the value of each export's counter."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        points: Any = metrics_data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
        self.values.append(points[0].value)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        pass
