"""The meter provider and its metric readers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricReader,
)
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from telemetry.exceptions import TelemetryError
from telemetry.export.flushing import ProviderFlush
from telemetry.metrics.meter import AdaptedMeter
from telemetry.metrics.reader import PeriodicReader
from telemetry.metrics.sites import SiteLabels
from telemetry.metrics.tables import MARKER, TableMeter, Tables, mark
from telemetry.registry import series
from telemetry.registry.attributes import SCHEMA_URL
from telemetry.registry.metrics import SITE_DURATION
from telemetry.registry.others_metrics import COLLECTIONS, EXPORTS, QUERIES
from telemetry.settings.variables import INTERNAL_METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.resources import Resource

    from telemetry.redaction.redactor import Redactor
    from telemetry.settings.model import ExemplarFilter

    AdaptMeter = Callable[[Meter, SiteLabels, Redactor | None], Meter]


_FILTERS: Mapping[ExemplarFilter, type[sdk.ExemplarFilter]] = {
    "trace_based": sdk.TraceBasedExemplarFilter,
    "always_on": sdk.AlwaysOnExemplarFilter,
    "always_off": sdk.AlwaysOffExemplarFilter,
}


class MeterProvider(sdk.MeterProvider):
    """The SDK's meter provider, with adapted meters for some instrumentation scopes.

    Measurements of those scopes and of ``telemetry`` go into tables, unless a view is given or a
    reader asks for what only the SDK's instruments have.

    Args:
        adapters: by scope name, a function that wraps the SDK's meter, given the site labels and
            the redactor. It renames attributes that are older than the semantic conventions of
            ``SCHEMA_URL``.
        site_labels: limits the values of the site attribute; to a hundred unless given.
        redactor: redacts the attributes of every measurement; None redacts nothing.
        metric_readers, resource, exemplar_filter, views, **kwargs: arguments of the SDK's
            provider. The filter is trace based unless given.
    """

    def __init__(
        self,
        metric_readers: Sequence[MetricReader] = (),
        resource: Resource | None = None,
        *,
        exemplar_filter: sdk.ExemplarFilter | None = None,
        views: Sequence[View] = (),
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
        ours = [
            *(
                View(instrument_name=name, aggregation_cardinality_limit=limit)
                for name, limit in limits.items()
            ),
            # The SDK's own histograms are in seconds, with default buckets for milliseconds.
            *(
                View(
                    instrument_name=str(metric),
                    aggregation=ExplicitBucketHistogramAggregation(metric.buckets or ()),
                )
                for metric in (EXPORTS, COLLECTIONS)
            ),
        ]
        exemplar_filter = exemplar_filter or sdk.TraceBasedExemplarFilter()
        # The SDK's constructor creates instruments.
        self._tables: Tables | None = None
        self.flush = ProviderFlush()
        super().__init__(metric_readers, resource, exemplar_filter, views=[*ours, *views], **kwargs)
        if not views:
            known = {name: limit for name, limit in limits.items() if limit is not None}
            self._tables = Tables.for_readers(metric_readers, exemplar_filter, known, redactor)
        if self._tables is not None:
            mark(super().get_meter(MARKER))
        for reader in metric_readers:
            _begin(reader)

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
        if self._tables is not None and (adapt or name == "telemetry"):
            # An adapter has its own redaction.
            meter = TableMeter(meter, self._tables, _unchanged if adapt else self._redacted)
            if not adapt:
                return meter
        if adapt:
            return adapt(meter, self._site_labels, self._redactor)
        if self._redactor is None:
            return meter
        return AdaptedMeter(meter, self._redacted, self._redactor.text)

    def add_metric_reader(self, metric_reader: MetricReader) -> None:
        """Add a reader.

        Raises:
            TelemetryError: if it asks for an aggregation that this provider can't add.
        """
        if self._tables is not None and not self._tables.add(metric_reader):
            raise TelemetryError(
                f"add_metric_reader({metric_reader!r}): this reader asks for an aggregation with "
                "arguments of its own; give it to the provider when that is made, as an exporter "
                "or reader that OTEL_METRICS_EXPORTER names"
            )
        super().add_metric_reader(metric_reader)
        self.flush.others.append(metric_reader)
        _begin(metric_reader)

    def remove_metric_reader(self, metric_reader: MetricReader) -> None:
        """Remove a reader, and shut it down."""
        super().remove_metric_reader(metric_reader)
        if metric_reader in self.flush.others:
            self.flush.others.remove(metric_reader)
        if self._tables is not None:
            self._tables.remove(metric_reader)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collect and send the metrics. Returns whether all were delivered in time."""
        if not self.flush.is_attached:
            return super().force_flush(timeout_millis)
        return self.flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Collect and send the metrics for the last time, and shut the readers down."""
        try:
            super().shutdown(timeout_millis)
        finally:
            # The readers have collected once more.
            self.flush.end(timeout_millis)

    def _redacted(self, attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if not attributes or self._redactor is None:
            return attributes
        return self._redactor.measured(attributes)


def _begin(reader: MetricReader) -> None:
    if isinstance(reader, PeriodicReader):
        reader.begin()


def _unchanged(attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return attributes


def start_meter_provider(
    readers: Iterable[MetricReader],
    resource: Resource,
    *,
    site_labels: SiteLabels,
    redactor: Redactor,
    adapters: Mapping[str, AdaptMeter],
    exemplars: ExemplarFilter,
) -> MeterProvider:
    """Start a meter provider.

    Call it before exporters of spans and log records are created; otherwise the metric of
    their queues' capacity is missing. Call it after the tracer provider is created;
    otherwise the SDK counts each span's start and end, which takes as long as the span
    itself.

    Args:
        readers: one for each destination.
        resource: the resource of this process.
        site_labels: limits the values of the site attribute.
        redactor: redacts the attributes of every measurement.
        adapters: by scope name, functions that wrap the SDK's meter.
        exemplars: which measurements may become exemplars.
    """
    return MeterProvider(
        [*readers],
        resource,
        exemplar_filter=_FILTERS[exemplars](),
        shutdown_on_exit=False,
        site_labels=site_labels,
        redactor=redactor,
        adapters=adapters,
    )


def enable_internal_metrics() -> None:
    """Have the SDK record metrics about itself, unless its variable says otherwise.

    Call it before readers and processors of the SDK are made.
    """
    os.environ.setdefault(INTERNAL_METRICS, str(INTERNAL_METRICS.default).lower())


def reader_of(made: MetricExporter | MetricReader, interval: float, timeout: float) -> MetricReader:
    """Return a reader that exports every ``interval`` seconds, or the reader that was made.

    ``timeout`` is the number of seconds for one collection and export.

    An entry point may return either: an exporter that is scraped, such as Prometheus's, is a
    reader.
    """
    if isinstance(made, MetricReader):
        return made
    return PeriodicReader(made, interval, timeout)
