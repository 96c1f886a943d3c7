"""What metric readers collected, in a form that can be compared."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

BUCKETS = (0.5, 1.0, 2.0, 8.0)
TIMES = ("start_time_unix_nano", "time_unix_nano")


class Measuring:
    """One instrument of each kind, of the scope `telemetry`, and one that the SDK observes."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("telemetry", "1.0", "https://schema.example")
        self.histogram = meter.create_histogram(
            "Durations", "s", "Of work.", explicit_bucket_boundaries_advisory=BUCKETS
        )
        self.plain = meter.create_histogram("plain")
        self.counter = meter.create_counter("done", "1", "Work.")
        self.level = meter.create_up_down_counter("level")
        meter.create_observable_counter("observed", [lambda _options: [Observation(3)]])

    def measure(self, name: str, amount: float, attributes: Any, context: Any = None) -> None:
        """Measure with one of them."""
        if name in ("histogram", "plain"):
            getattr(self, name).record(amount, attributes, context)
        else:
            getattr(self, name).add(amount, attributes, context)


def collected(reader: InMemoryMetricReader) -> dict[Any, Any]:
    """Each series without its times, by scope, metric and attributes.

    Raises:
        AssertionError: if a series or a metric is there twice, or a time is not in order.
    """
    data = reader.get_metrics_data()
    found: dict[Any, Any] = {}
    for of_resource in data.resource_metrics if data else ():
        scopes = [each.scope for each in of_resource.scope_metrics]
        assert len(scopes) == len(set(scopes))
        for of_scope in of_resource.scope_metrics:
            assert of_scope.schema_url == of_scope.scope.schema_url
            for metric in of_scope.metrics:
                described = {
                    "kind": type(metric.data).__name__,
                    "description": metric.description,
                    "unit": metric.unit,
                    "temporality": getattr(metric.data, "aggregation_temporality", None),
                    "monotonic": getattr(metric.data, "is_monotonic", None),
                }
                for point in metric.data.data_points:
                    key = (str(of_scope.scope), metric.name, _exact(point.attributes))
                    assert key not in found
                    found[key] = described | _point(point)
    return found


def _point(point: Any) -> dict[str, Any]:
    known = asdict(point)
    start, now = (known.pop(name) for name in TIMES)
    assert start <= now
    for exemplar in known["exemplars"]:
        assert exemplar.pop("time_unix_nano") > 0
    # A tuple or a list, by the kind of aggregation.
    return {key: [*value] if isinstance(value, tuple) else value for key, value in known.items()}


def _exact(attributes: Any) -> Any:
    return frozenset((name, type(value).__name__, value) for name, value in attributes.items())
