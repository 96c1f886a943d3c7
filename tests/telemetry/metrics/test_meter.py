"""A meter whose measurements are adapted before they are aggregated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from telemetry.metrics.provider import MeterProvider
from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

PLANTED = ({"x": "planted@example.org"}, {"x": "planted@example.com"})


def _observe(_options: CallbackOptions) -> list[Observation]:
    return [Observation(1, PLANTED[0]), Observation(2, {"n": 1})]


def _generate() -> Generator[Iterable[Observation], CallbackOptions, None]:
    yield _observe(CallbackOptions())
    yield _observe(CallbackOptions())


def test_no_instrument_tells() -> None:
    """Of any kind; and what becomes one series is counted as one."""
    reader = InMemoryMetricReader()
    redactor = Redactor(RedactionSettings())
    meter = MeterProvider([reader], shutdown_on_exit=False, redactor=redactor).get_meter("host")
    for attributes in (*PLANTED, None):
        meter.create_counter("counter", "s", "…").add(1, attributes)
        meter.create_up_down_counter("up_down").add(1, attributes)
        meter.create_histogram("histogram", explicit_bucket_boundaries_advisory=[1.0]).record(
            1, attributes
        )
        meter.create_gauge("gauge").set(1, attributes)
    meter.create_observable_counter("observed", [_observe])
    meter.create_observable_up_down_counter("observed.up_down", [_observe])
    meter.create_observable_gauge("observed.gauge", [_generate()])
    meter.create_observable_gauge("observed.nothing")
    for _ in range(3):
        # The generator ends after two.
        found = _points(reader)
    hidden = (("x", "[REDACTED]"),)
    assert found == {
        "counter": {hidden: 2, (): 1},
        "up_down": {hidden: 2, (): 1},
        "histogram": {hidden: 2, (): 1},
        "gauge": {hidden: 1, (): 1},
        "observed": {hidden: 1, (("n", 1),): 2},
        "observed.up_down": {hidden: 1, (("n", 1),): 2},
    }
    assert meter.name == "host"


def _points(reader: InMemoryMetricReader) -> dict[str, dict[Any, Any]]:
    data = reader.get_metrics_data()
    return {
        metric.name: {
            tuple((point.attributes or {}).items()): getattr(point, "value", None)
            or getattr(point, "count", None)
            for point in metric.data.data_points
        }
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
