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
    from telemetry.redaction.redactor import Redactor


class DatasetteMeter(AdaptedMeter):
    """Adapts one meter.

    Args:
        meter: the SDK's.
        sites: the names of sites on metrics.
        redactor: as `telemetry.providers.meter.MeterProvider` has it.
    """

    def __init__(self, meter: Meter, sites: SiteLabels, redactor: Redactor | None = None) -> None:
        super().__init__(meter, self._with_site)
        self._sites = sites
        self._redactor = redactor

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

    def _with_site(self, attributes: Mapping[str, Any] | None) -> Mapping[str, Any]:
        renamed: dict[str, Any] = dict(attributes or {})
        if "db.system" in renamed:
            renamed[a.DB_SYSTEM_NAME] = renamed.pop("db.system")
        known = renamed if self._redactor is None else self._redactor.measured(renamed)
        record = request_record()
        if record is None or record.site is None:
            return known
        return {**known, a.SITE: self._sites.label(record.site)}
