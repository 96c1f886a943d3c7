"""The meter of the instrumentation scope ``datasette``.

Datasette's histograms and counters have a database and no tenant, so the database
`meetings` of every site would be one series: the site is added. A query that
Datasette expects to fail, when it probes what columns hold, is not an error. The
gauges of several Datasettes in one process, of which only the last would be
exported, are summed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.metrics import Counter, Histogram, Meter, Observation

from telemetry.datasette.light import LightDatasetteSpan
from telemetry.datasette.spans import QuerySpan
from telemetry.metrics.meter import AdaptedMeter
from telemetry.metrics.tables import LARGEST, TableCounter, TableHistogram, TableMeter
from telemetry.redaction import additions
from telemetry.registry import attributes as a
from telemetry.request import NO_SPAN, RECORD_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.metrics import CallbackOptions

    from telemetry.metrics.sites import SiteLabels
    from telemetry.redaction.redactor import Redactor

    Attributes = Mapping[str, Any]
    Items = tuple[tuple[str, Any], ...]
    Key = tuple[Any, ...]

_ERROR_TYPE = str(a.ERROR_TYPE)
# Combinations of database, operation, error class and site. They repeat, so they are cached.
REMEMBERED = 4096


class DatasetteMeter(AdaptedMeter):
    """Adapts the instruments of one meter.

    Args:
        meter: the SDK's meter, or one whose instruments measure into tables.
        sites: limits the values of the site attribute.
        redactor: redacts the attributes of every measurement; None redacts nothing.
    """

    def __init__(self, meter: Meter, sites: SiteLabels, redactor: Redactor | None = None) -> None:
        super().__init__(meter, self.adapted)
        self.sites = sites
        self._redactor = redactor
        if isinstance(meter, TableMeter):
            meter.adapt_key = self._adapted_key
        self.learn()
        additions.follow(self)

    def learn(self) -> None:
        """Clear the cache, since the host has added redaction rules."""
        self._cached = lru_cache(REMEMBERED)(self._adapted_uncached)

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> Any:
        """Not adapted: a counter that rises within a request may fall outside of it."""
        return self._meter.create_up_down_counter(name, unit, description)

    def create_observable_gauge(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> Any:
        """A gauge whose value is the sum over all Datasettes of the process.

        Each Datasette observes the same name with the same attributes.
        """
        summed = [_summed(each, self.adapted) for each in callbacks or ()]
        return self._meter.create_observable_gauge(name, summed, unit, description)

    def _counter(self, inner: Counter) -> Counter:
        if isinstance(inner, TableCounter):
            return _TableSiteCounter(inner, self)
        return _SiteCounter(inner, self)

    def _histogram(self, inner: Histogram) -> Histogram:
        if isinstance(inner, TableHistogram):
            return _TableSiteHistogram(inner, self)
        return _SiteHistogram(inner, self)

    def adapted(self, attributes: Attributes | None) -> Attributes:
        """The attributes of a measurement, with the site of the current request."""
        label, *items = self.key(attributes)
        return self._cached(tuple(items), label)

    def key(self, attributes: Attributes | None) -> Key:
        """The key of a series: the current request's site, and the measurement's attributes."""
        # As `request_record`, without its calls: this runs for each query.
        record: Any = get_current().get(RECORD_KEY)
        label = None
        if record is not None and not record.ended and record.site is not None:
            label = self.sites.label(record.site)
        return (label, *attributes.items()) if attributes else (label,)

    def _adapted_key(self, key: Key, attributes: Attributes | None) -> Attributes:
        return self._adapted_uncached(tuple((attributes or {}).items()), key[0])

    def _adapted_uncached(self, items: Items, site: str | None) -> Attributes:
        known = dict(items)
        if "db.system" in known:
            known[str(a.DB_SYSTEM_NAME)] = known.pop("db.system")
        if self._redactor is not None:
            known = dict(self._redactor.attributes(known))
        if site is not None:
            known[str(a.SITE)] = site
        return known


class _SiteHistogram(Histogram):
    def __init__(self, inner: Histogram, meter: DatasetteMeter) -> None:
        self._record = inner.record
        self._meter = meter

    def record(
        self,
        amount: int | float,
        attributes: Attributes | None = None,
        context: Context | None = None,
    ) -> None:
        adapted = self._meter.adapted(attributes)
        if a.ERROR_TYPE in adapted:
            span = trace.get_current_span()
            if isinstance(span, QuerySpan | LightDatasetteSpan):
                # Whether the failure was expected is only known when the query ends.
                span.hold(lambda *, expected: self._record_held(amount, adapted, expected))
                return
        # NO_SPAN prevents an exemplar, which costs more than a fifth of a measurement. The
        # histograms of requests have exemplars.
        self._record(amount, adapted, NO_SPAN)

    def _record_held(self, amount: int | float, adapted: Attributes, expected: bool) -> None:
        if expected:
            adapted = {key: value for key, value in adapted.items() if key != a.ERROR_TYPE}
        self._record(amount, adapted, NO_SPAN)


class _SiteCounter(Counter):
    def __init__(self, inner: Counter, meter: DatasetteMeter) -> None:
        self._add = inner.add
        self._meter = meter

    def add(
        self,
        amount: int | float,
        attributes: Attributes | None = None,
        context: Context | None = None,
    ) -> None:
        self._add(amount, self._meter.adapted(attributes), NO_SPAN)


class _TableSiteHistogram(Histogram):
    def __init__(self, inner: TableHistogram, meter: DatasetteMeter) -> None:
        self._inner = inner
        self._is_unsampled = inner.unsampled is NO_SPAN
        self._named = meter.sites.named
        self._key = meter.key

    def record(
        self,
        amount: int | float,
        attributes: Attributes | None = None,
        context: Context | None = None,
    ) -> None:
        # As `DatasetteMeter.key`, without its calls, for a site that has been seen: this runs for
        # each query.
        record: Any = get_current().get(RECORD_KEY)
        if record is None or record.ended or record.site is None:
            label = None
        else:
            label = self._named.get(record.site)
            if label is None:
                label = self._key(None)[0]
        key = (label, *attributes.items()) if attributes else (label,)
        if attributes and _ERROR_TYPE in attributes:
            span = trace.get_current_span()
            if isinstance(span, QuerySpan | LightDatasetteSpan):
                # Whether the failure was expected is only known when the query ends.
                span.hold(lambda *, expected: self._record_held(amount, key, attributes, expected))
                return
        if self._is_unsampled and 0.0 <= amount <= LARGEST:
            # As in `measure`, without its call and without an exemplar.
            self._inner.aggregate(amount, key, attributes, None)
        else:
            self._inner.measure(amount, key, attributes, NO_SPAN)

    def _record_held(
        self, amount: int | float, key: Key, attributes: Attributes, expected: bool
    ) -> None:
        if expected:
            attributes = {k: v for k, v in attributes.items() if k != a.ERROR_TYPE}
            key = (key[0], *attributes.items())
        self._inner.measure(amount, key, attributes, NO_SPAN)


class _TableSiteCounter(Counter):
    def __init__(self, inner: TableCounter, meter: DatasetteMeter) -> None:
        self._measure = inner.measure
        self._key = meter.key

    def add(
        self,
        amount: int | float,
        attributes: Attributes | None = None,
        context: Context | None = None,
    ) -> None:
        self._measure(amount, self._key(attributes), attributes, NO_SPAN)


def _summed(callback: Any, adapted: Any) -> Any:
    def observe(options: CallbackOptions) -> Iterable[Observation]:
        totals: dict[Items, int | float] = {}
        for each in callback(options):
            items = tuple(sorted(adapted(each.attributes).items()))
            totals[items] = totals.get(items, 0) + each.value
        return [Observation(total, dict(items)) for items, total in totals.items()]

    return observe
