"""The meter provider, and the readers that export what it measures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from telemetry.metrics.meter import AdaptedMeter
from telemetry.metrics.sites import SiteLabels
from telemetry.registry import series
from telemetry.registry.attributes import SCHEMA_URL
from telemetry.registry.metrics import SITE_DURATION
from telemetry.registry.others_metrics import COLLECTIONS, EXPORTS, QUERIES
from telemetry.settings.passed_on import INTERNAL_METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.resources import Resource

    from telemetry.export.destination import Destination
    from telemetry.redaction.redactor import Redactor

    AdaptMeter = Callable[[Meter, SiteLabels, Redactor | None], Meter]


class MeterProvider(sdk.MeterProvider):
    """The SDK's, whose meters of some instrumentation scopes are adapted.

    Args:
        adapters: by the name of a scope, what makes its meter from the SDK's, the site labels and
            the redactor. It renames what is older than the conventions that ``SCHEMA_URL`` names.
        site_labels: how sites are named; the first hundred by name unless given.
        redactor: what takes out of every measurement's attributes what is not to leave.
        *args, **kwargs: the SDK's.
    """

    def __init__(
        self,
        *args: Any,
        site_labels: SiteLabels | None = None,
        redactor: Redactor | None = None,
        adapters: Mapping[str, AdaptMeter] | None = None,
        **kwargs: Any,
    ) -> None:
        self._adapters = dict(adapters or {})
        self._site_labels = site_labels or SiteLabels()
        self._redactor = redactor
        sites = self._site_labels.limit
        limits = {
            str(SITE_DURATION): series.worst_case(SITE_DURATION, sites=sites),
            str(QUERIES): series.of_queries(sites=sites),
        }
        views = [
            *(
                View(instrument_name=name, aggregation_cardinality_limit=limit)
                for name, limit in limits.items()
            ),
            # The SDK gives its own, in seconds, the boundaries that are meant for milliseconds.
            *(
                View(
                    instrument_name=str(metric),
                    aggregation=ExplicitBucketHistogramAggregation(metric.buckets or ()),
                )
                for metric in (EXPORTS, COLLECTIONS)
            ),
        ]
        super().__init__(*args, **{**kwargs, "views": [*views, *kwargs.get("views", ())]})

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Meter:
        """The meter of an instrumentation scope."""
        adapt = self._adapters.get(name)
        meter = super().get_meter(name, version, SCHEMA_URL if adapt else schema_url, attributes)
        if adapt:
            return adapt(meter, self._site_labels, self._redactor)
        return meter if self._redactor is None else AdaptedMeter(meter, self._redacted)

    def _redacted(self, attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if not attributes or self._redactor is None:
            return attributes
        return self._redactor.measured(attributes)


def start_meter_provider(
    destinations: Iterable[Destination[Any]],
    resource: Resource,
    *,
    interval: float,
    site_labels: SiteLabels,
    redactor: Redactor,
    adapters: Mapping[str, AdaptMeter],
) -> MeterProvider:
    """A meter provider that begins to export, and the SDK's own metrics turned on.

    Before any exporter of spans and records is made, or their queues' capacity is
    missing; after the tracer provider, or each span's start and end are counted,
    which takes as long as the span itself.

    Args:
        destinations: of metrics.
        resource: of this process.
        interval: seconds between exports.
        site_labels: how sites are named.
        redactor: for the attributes of every measurement.
        adapters: of the meters of some instrumentation scopes.
    """
    os.environ.setdefault(INTERNAL_METRICS, INTERNAL_METRICS.default)
    return MeterProvider(
        [_reader(destination.build(), interval) for destination in destinations],
        resource,
        shutdown_on_exit=False,
        site_labels=site_labels,
        redactor=redactor,
        adapters=adapters,
    )


def _reader(made: MetricExporter | MetricReader, interval: float) -> MetricReader:
    # An entry point may offer either: what is scraped, as Prometheus's, is a reader.
    if isinstance(made, MetricReader):
        return made
    return PeriodicExportingMetricReader(made, interval * 1000)
