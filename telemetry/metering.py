"""From the settings to a meter provider whose readers export, in the process that serves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.environment_variables import OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)

from telemetry.providers.meter import MeterProvider

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.resources import Resource

    from telemetry.adapters.sites import SiteLabels
    from telemetry.exporters.outlet import Outlet
    from telemetry.redaction.redactor import Redactor


def start_meter_provider(
    outlets: Iterable[Outlet[Any]],
    resource: Resource,
    *,
    interval: float,
    site_labels: SiteLabels,
    redactor: Redactor,
) -> MeterProvider:
    """A meter provider that begins to export, and the SDK's own metrics turned on.

    Before any exporter of spans and records is made, or their queues' capacity is
    missing; after the tracer provider, or each span's start and end are counted,
    which takes as long as the span itself.

    Args:
        outlets: of metrics.
        resource: of this process.
        interval: seconds between exports.
        site_labels: how sites are named.
        redactor: for the attributes of every measurement.
    """
    os.environ.setdefault(OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED, "true")
    return MeterProvider(
        [_reader(outlet.build(), interval) for outlet in outlets],
        resource,
        shutdown_on_exit=False,
        site_labels=site_labels,
        redactor=redactor,
    )


def _reader(made: MetricExporter | MetricReader, interval: float) -> MetricReader:
    # An entry point may offer either: what is scraped, as Prometheus's, is a reader.
    if isinstance(made, MetricReader):
        return made
    return PeriodicExportingMetricReader(made, interval * 1000)
