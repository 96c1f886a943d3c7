"""The meter that scope ``datasette`` is given.

Its histograms and counters carry a database and no tenant, so that every
site's `meetings` falls into one series: they get the site. Its gauges are
last-one-wins when a process holds several Datasettes, and a wrong gauge is
worse than none: they are not published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import (
    Counter,
    Histogram,
    Meter,
    NoOpObservableGauge,
    ObservableGauge,
    UpDownCounter,
)

from telemetry.registry import attributes as a
from telemetry.request import request_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context

    from telemetry.adapters.sites import SiteLabels


class DatasetteMeter(Meter):
    """Adapts one SDK meter."""

    def __init__(self, meter: Meter, sites: SiteLabels) -> None:
        super().__init__(meter.name, meter.version, meter.schema_url)
        self._meter = meter
        self._sites = sites

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        inner = self._meter.create_histogram(
            name,
            unit,
            description,
            explicit_bucket_boundaries_advisory=explicit_bucket_boundaries_advisory,
        )
        return _SiteHistogram(inner, self._sites)

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        inner = self._meter.create_counter(name, unit, description)
        return _SiteCounter(inner, self._sites)

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Any = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableGauge:
        return NoOpObservableGauge(name, callbacks, unit, description)

    # Datasette makes none of these; should it begin to, they pass through.
    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> UpDownCounter:
        return self._meter.create_up_down_counter(name, unit, description)

    def create_observable_counter(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> Any:
        return self._meter.create_observable_counter(name, callbacks, unit, description)

    def create_observable_up_down_counter(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> Any:
        return self._meter.create_observable_up_down_counter(name, callbacks, unit, description)


def _adapted(attributes: Mapping[str, Any] | None, sites: SiteLabels) -> dict[str, Any]:
    known: dict[str, Any] = dict(attributes or {})
    if "db.system" in known:
        known[a.DB_SYSTEM_NAME] = known.pop("db.system")
    record = request_record()
    if record is not None and record.site is not None:
        known[a.SITE] = sites.label(record.site)
    return known


class _SiteHistogram(Histogram):
    def __init__(self, inner: Histogram, sites: SiteLabels) -> None:
        self._inner = inner
        self._sites = sites

    def record(
        self,
        amount: int | float,
        attributes: Mapping[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        self._inner.record(amount, _adapted(attributes, self._sites), context)


class _SiteCounter(Counter):
    def __init__(self, inner: Counter, sites: SiteLabels) -> None:
        self._inner = inner
        self._sites = sites

    def add(
        self,
        amount: int | float,
        attributes: Mapping[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        self._inner.add(amount, _adapted(attributes, self._sites), context)
