"""The meter provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from telemetry.adapters.datasette_meter import DatasetteMeter
from telemetry.adapters.datasette_tracer import SCHEMA_URL, SCOPE
from telemetry.adapters.meter import AdaptedMeter
from telemetry.adapters.sites import SITE_LIMIT, SiteLabels
from telemetry.registry import series
from telemetry.registry.metrics import SITE_DURATION
from telemetry.registry.others_metrics import COLLECTIONS, EXPORTS, QUERIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import Meter

    from telemetry.redaction.redactor import Redactor


class MeterProvider(sdk.MeterProvider):
    """The SDK's, but scope ``datasette`` gets an adapted meter.

    Args:
        site_labels: how sites are named; the first hundred by name unless given.
        redactor: what takes out of every measurement's attributes what is not to leave.
        *args, **kwargs: the SDK's.
    """

    def __init__(
        self,
        *args: Any,
        site_labels: SiteLabels | None = None,
        redactor: Redactor | None = None,
        **kwargs: Any,
    ) -> None:
        self._site_labels = site_labels or SiteLabels(SITE_LIMIT)
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
        adapt = name == SCOPE
        meter = super().get_meter(name, version, SCHEMA_URL if adapt else schema_url, attributes)
        if adapt:
            return DatasetteMeter(meter, self._site_labels, self._redactor)
        return meter if self._redactor is None else AdaptedMeter(meter, self._redacted)

    def _redacted(self, attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if not attributes or self._redactor is None:
            return attributes
        return self._redactor.measured(attributes)
