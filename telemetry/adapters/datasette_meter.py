"""The meter that scope ``datasette`` is given.

Its histograms and counters carry a database and no tenant, so that every
site's `meetings` falls into one series: they get the site. Its gauges are
last-one-wins when a process holds several Datasettes, and a wrong gauge is
worse than none: they are not published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import (
    Meter,
    NoOpObservableGauge,
    ObservableGauge,
    UpDownCounter,
)

from telemetry.adapters.meter import AdaptedMeter
from telemetry.registry import attributes as a
from telemetry.request import request_record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.adapters.sites import SiteLabels


class DatasetteMeter(AdaptedMeter):
    """Adapts one meter."""

    def __init__(self, meter: Meter, sites: SiteLabels) -> None:
        super().__init__(meter, self._with_site)
        self._sites = sites

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> UpDownCounter:
        """As it is: what goes up within a request may come down outside."""
        return self._meter.create_up_down_counter(name, unit, description)

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Any = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableGauge:
        """None: see above."""
        return NoOpObservableGauge(name, callbacks, unit, description)

    def _with_site(self, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
        known: dict[str, Any] = dict(attributes or {})
        if "db.system" in known:
            known[a.DB_SYSTEM_NAME] = known.pop("db.system")
        record = request_record()
        if record is not None and record.site is not None:
            known[a.SITE] = self._sites.label(record.site)
        return known
