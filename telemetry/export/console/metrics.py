"""Metric exporter for the terminal, with one line for each metric that has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from opentelemetry.sdk.metrics.export import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)

from telemetry.settings import variables as v
from telemetry.terminal import DIM, Terminal, fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.metrics.export import Metric

    from telemetry.settings.model import ConsoleMode


class ConsoleMetricExporter(MetricExporter):
    """Prints one line for each metric whose totals have changed since the last export.

    Args:
        mode: ``off`` prints nothing; ``tree`` and ``compact`` have the same effect.
        color: Whether to use colours on a terminal.
        stream: Where to print. Standard error by default.
    """

    def __init__(
        self,
        mode: ConsoleMode = v.CONSOLE.default,
        *,
        color: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__()
        self._off = mode == "off"
        self._terminal = Terminal(stream, color=color)
        self._last: dict[str, str] = {}

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Print the metrics that have changed."""
        if self._off:
            return MetricExportResult.SUCCESS
        lines = []
        for metric in _metrics(metrics_data):
            summary = _summary(metric)
            if self._last.get(metric.name) != summary:
                self._last[metric.name] = summary
                text = fit(f"{metric.name}  {summary}", self._terminal.width)
                lines.append(self._terminal.paint(text, DIM))
        if lines:
            self._terminal.write(lines)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Return True: no metric is buffered."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Do nothing: no resource is open."""


def _metrics(data: MetricsData) -> Iterator[Metric]:
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            yield from scope.metrics


def _summary(metric: Metric) -> str:
    points = list(metric.data.data_points)
    histograms = [
        p for p in points if isinstance(p, HistogramDataPoint | ExponentialHistogramDataPoint)
    ]
    unit = f" {metric.unit}" if metric.unit and not metric.unit.startswith("{") else ""
    if histograms:
        count = sum(point.count for point in histograms)
        total = sum(point.sum for point in histograms)
        longest = max(point.max for point in histograms)
        mean = total / count if count else 0.0
        return f"{count} times, mean {mean:.4g}{unit}, longest {longest:.4g}{unit}"
    value = sum(getattr(point, "value", 0) for point in points)
    return f"{value:.6g}{unit}"
