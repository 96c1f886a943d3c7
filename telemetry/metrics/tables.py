"""Measurements on the request's path: a look-up in a table, in place of the SDK's instruments.

The SDK's take many times as long (``benchmarks/METRICS.md``). A table has the series of one
instrument for one metric reader. When the reader collects, the data points of its tables are added
to those of the SDK's instruments. See docs/decisions/0026-metric-tables.md.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from threading import Lock, RLock
from time import time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context, get_current
from opentelemetry.metrics import Counter, Histogram, Observation, UpDownCounter
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics import view
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricReader,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.trace import INVALID_SPAN, get_current_span

from telemetry import private_api as p
from telemetry.failsafe import failed
from telemetry.forks import call_in_children
from telemetry.metrics.aggregations import (
    DEFAULT_BOUNDARIES,
    ExplicitAggregation,
    ExponentialAggregation,
    SumAggregation,
    are_boundaries,
    metric_data,
)
from telemetry.metrics.meter import AdaptedMeter
from telemetry.redaction import additions
from telemetry.request import NO_SPAN, ids_of_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from telemetry.metrics.aggregations import Aggregation, Sample
    from telemetry.metrics.meter import Adapt
    from telemetry.redaction.redactor import Redactor

    Attributes = Mapping[str, Any]
    Key = tuple[Any, ...]
    AdaptKey = Callable[[Key, Attributes | None], Attributes | None]
    FindSample = Callable[[int | float, Context | None], Sample | None]
    Add = Callable[[int | float, Sample | None], None]
    Measure = Callable[[int | float, Key, Attributes | None, Sample | None], None]
    Make = Callable[[dict[str, Any], int], Aggregation]
    Staged = tuple[Sequence[Add], Sequence[int | float], Sequence[Sample | None]]

LARGEST = sys.float_info.max
# Scope of an observable gauge that is not exported: without a data point of its own, the SDK gives
# a reader nothing.
MARKER = "telemetry.metrics.tables"
OVERFLOW: dict[str, Any] = {"otel.metric.overflow": True}
# A key of a series is the attributes in one order; the number is bounded.
KEYS_PER_SERIES = 4
# Keys of measurements that are made together.
MAX_TOGETHER = 10_000
MOST_STAGED = 16
"""Number of such measurements that are aggregated at once."""

_SCALARS = frozenset({bool, int, float, type(None)})
# A context that no measurement has.
_NO_CONTEXT = Context()


class Preference(NamedTuple):
    """What a metric reader asks for, for one kind of instrument."""

    temporality: AggregationTemporality
    exponential: bool
    limit: int
    """Maximum number of series, without the overflow series."""


class Guard:
    """What the tables of one meter provider share.

    Attributes:
        lock: held for each measurement. Reentrant: a finalizer or a signal handler may measure
            while its thread measures or collects.
        generation: another object once a table has forgotten series, or which keys lead to them.
        staged: measurements that are not aggregated yet: see `Together`.
    """

    __slots__ = ("generation", "lock", "staged")

    def __init__(self) -> None:
        self.lock = RLock()
        self.generation = object()
        self.staged: deque[Staged] = deque()

    def renew(self) -> None:
        """Have what others know of series looked up anew. The lock is held, but after a fork."""
        self.generation = object()

    def aggregate_staged(self) -> None:
        """Aggregate what is staged. The lock is held."""
        # One by one: a finalizer or a signal handler may measure or collect meanwhile.
        while self.staged:
            try:
                adds, amounts, samples = self.staged.popleft()
            except IndexError:
                return
            # There are as many of each.
            for add, amount, sample in zip(adds, amounts, samples):  # noqa: B905 # faster
                try:
                    add(amount, sample)
                except Exception as error:  # noqa: BLE001 # no number; it costs itself
                    failed("metrics.tables", error)

    def forked(self) -> None:
        """Begin anew in a child. Another thread of the parent may have held the lock."""
        self.lock = RLock()
        self.staged = deque()


class Tables:
    """The tables of one meter provider.

    Args:
        preferences: what each reader asks for, by kind of instrument.
        find_sample: returns the exemplar for a measurement in a context, or None.
        limits: maximum number of series by the name of the metric, where it is not the reader's.
        redactor: redacts the attributes of measurements.
    """

    def __init__(
        self,
        preferences: Mapping[MetricReader, Mapping[type, Preference]],
        find_sample: FindSample,
        limits: Mapping[str, int],
        redactor: Redactor | None,
    ) -> None:
        self._preferences = {**preferences}
        self._find_sample = find_sample
        self._limits = limits
        self._redactor = redactor
        self._lock = Lock()
        self._guard = Guard()
        # Reentrant: a signal handler may flush while its thread collects.
        self._collecting: dict[MetricReader, RLock] = {}
        # By the SDK's instrument, which is the same for each call that creates it again.
        self._instruments: dict[Any, _Instrument] = {}
        additions.follow(self)
        call_in_children(self.forked)

    @classmethod
    def for_readers(
        cls,
        readers: Iterable[MetricReader],
        exemplars: sdk.ExemplarFilter,
        limits: Mapping[str, int],
        redactor: Redactor | None,
    ) -> Tables | None:
        """Tables for all readers; None if one asks for what only the SDK's instruments have."""
        preferences = {reader: preferences_of(reader) for reader in readers}
        found = {reader: known for reader, known in preferences.items() if known is not None}
        if not found or len(found) < len(preferences) or type(exemplars) not in _SAMPLES:
            return None
        tables = cls(found, _SAMPLES[type(exemplars)], limits, redactor)
        return tables if all(map(tables.attach, found)) else None

    def attach(self, reader: MetricReader) -> bool:
        """Add the tables' data points to what the reader receives; False if that is impossible."""
        receive = p.get(p.READER_RECEIVE, reader)
        self._collecting[reader] = RLock()
        return receive is not None and p.replace(
            p.READER_RECEIVE, partial(self._receive, reader, receive), reader
        )

    def add(self, reader: MetricReader) -> bool:
        """Add a reader later; False if it asks for what only the SDK's instruments have."""
        preferences = preferences_of(reader)
        if preferences is None or not self.attach(reader):
            return False
        with self._lock:
            self._preferences[reader] = preferences
            for inner, instrument in self._instruments.items():
                instrument.attach(reader, self._table(inner, instrument, preferences))
            with self._guard.lock:
                self._guard.renew()
        return True

    def remove(self, reader: MetricReader) -> None:
        """Remove a reader."""
        with self._lock:
            self._preferences.pop(reader, None)
            self._collecting.pop(reader, None)
            for instrument in self._instruments.values():
                instrument.detach(reader)

    def instrument(
        self, inner: Any, adapt: AdaptKey, boundaries: Sequence[float] | None = None
    ) -> Any:
        """The instrument that measures in place of one of the SDK's.

        Args:
            inner: the SDK's instrument, which describes it, and reports what it refuses.
            adapt: returns the attributes of a series, given its key and the attributes of a
                measurement.
            boundaries: of a histogram's buckets; those of the specification unless given.

        Returns:
            None if a table can't measure in its place.
        """
        kind = next((kind for kind in _INSTRUMENTS if isinstance(inner, kind)), None)
        if kind is None:
            return None
        if not _are_numbers(boundaries):
            # The SDK has logged it.
            boundaries = None
        if boundaries is not None and not are_boundaries(boundaries):
            return None
        with self._lock:
            known = self._instruments.get(inner)
            if known is None:
                chosen = DEFAULT_BOUNDARIES if boundaries is None else tuple(boundaries)
                known = _INSTRUMENTS[kind](
                    inner, kind, adapt, chosen, self._find_sample, self._guard
                )
                for reader, preferences in self._preferences.items():
                    known.attach(reader, self._table(inner, known, preferences))
                self._instruments[inner] = known
        return known

    def _table(
        self, inner: Any, instrument: _Instrument, preferences: Mapping[type, Preference]
    ) -> _Table:
        wanted = preferences[instrument.kind]
        make: Make = SumAggregation
        if instrument.kind is sdk.Histogram:
            explicit = partial(ExplicitAggregation, boundaries=instrument.boundaries)
            make = ExponentialAggregation if wanted.exponential else explicit
        limit = self._limits.get(inner.name, wanted.limit)
        return _Table(make, instrument.adapt, wanted.temporality, limit, self._guard)

    def learn(self) -> None:
        """Forget the attributes of the series, since the host has added redaction rules."""
        if self._redactor is not None:
            # The order in which both are called is not defined. What is looked up from here on
            # must not have been redacted by the rules before.
            self._redactor.learn()
        for table in self._all():
            table.forget()

    def forked(self) -> None:
        """Begin anew in a child: what the parent measured is sent by the parent."""
        self._lock, self._collecting = Lock(), {reader: RLock() for reader in self._collecting}
        self._guard.forked()
        for table in self._all():
            table.forked()

    def _all(self) -> list[_Table]:
        return [table for each in [*self._instruments.values()] for table in each.tables.values()]

    def _receive(
        self,
        reader: MetricReader,
        receive: Callable[..., None],
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **kwargs: Any,
    ) -> None:
        ours: dict[InstrumentationScope, list[Metric]] = {}
        # `force_flush` collects on its own thread. What it collected must not be replaced in a
        # queue by what the reader's thread collected before.
        with self._collecting.get(reader) or RLock():
            try:
                ours = self._collected(reader)
            except Exception as error:  # noqa: BLE001 # the SDK's metrics are exported in any case
                failed("metrics.tables", error)
            data = _merged(metrics_data, ours)
            if data is not None:
                receive(data, timeout_millis=timeout_millis, **kwargs)

    def _collected(self, reader: MetricReader) -> dict[InstrumentationScope, list[Metric]]:
        found: dict[InstrumentationScope, list[Metric]] = {}
        for inner, instrument in [*self._instruments.items()]:
            table = instrument.tables.get(reader)
            points = table.collect() if table is not None else ()
            if table is not None and points:
                is_monotonic = instrument.kind is sdk.Counter
                data = metric_data(points, table.temporality, is_monotonic=is_monotonic)
                metric = Metric(inner.name, inner.description, inner.unit, data)
                found.setdefault(inner.instrumentation_scope, []).append(metric)
        return found


def _merged(
    data: MetricsData, ours: dict[InstrumentationScope, list[Metric]]
) -> MetricsData | None:
    """What the SDK has collected, with our metrics and without the marker; None if it is empty."""
    # The SDK has one resource.
    [of_resource] = data.resource_metrics
    scopes = [
        ScopeMetrics(each.scope, [*each.metrics, *ours.pop(each.scope, ())], each.schema_url)
        for each in of_resource.scope_metrics
        if each.scope.name != MARKER
    ]
    scopes += [
        ScopeMetrics(scope, metrics, scope.schema_url or "") for scope, metrics in ours.items()
    ]
    if not scopes:
        return None
    return MetricsData([ResourceMetrics(of_resource.resource, scopes, of_resource.schema_url)])


def mark(meter: Meter) -> None:
    """Have each collection of the SDK's instruments give the readers something.

    Args:
        meter: the meter of the scope ``MARKER``.
    """
    meter.create_observable_gauge(MARKER, [lambda _options: [Observation(0)]])


class _Table:
    """The series of one instrument for one reader."""

    def __init__(
        self,
        make: Make,
        adapt: AdaptKey,
        temporality: AggregationTemporality,
        limit: int,
        guard: Guard,
    ) -> None:
        self.temporality = temporality
        self._make = make
        self._adapt = adapt
        self._is_delta = temporality is AggregationTemporality.DELTA
        self._limit = limit
        self._guard = guard
        # Methods that add a measurement, by its key; for keys that are equal though their
        # attributes are not, see `_ByType`.
        self._known: dict[Key, Add] = {}
        self._by_type: dict[Key, _ByType] = {}
        self._series: dict[Any, Aggregation] = {}
        self._collected: int | None = None
        self._generation = object()

    def measure(
        self, amount: int | float, key: Key, attributes: Attributes | None, sample: Sample | None
    ) -> None:
        """Aggregate one measurement.

        Args:
            amount: a finite number.
            key: identifies the attributes: equal keys have equal attributes, but for the types of
                numbers.
            attributes: those of the measurement, as they were given.
            sample: the exemplar.

        Raises:
            TypeError: if the amount is no number.
        """
        # Half the time of a `with` statement.
        lock = self._guard.lock
        lock.acquire()
        try:
            add = self._known.get(key)
            if add is None and key in self._by_type:
                by_type = self._by_type[key]
                add = by_type.known.get(by_type.types(key))
            if add is not None:
                add(amount, sample)
                return
        except TypeError:
            if _is_hashable(key):
                # The amount can't be added.
                raise
        finally:
            lock.release()
        self._measure_unknown(amount, key, attributes, sample)

    def _measure_unknown(
        self, amount: int | float, key: Key, attributes: Attributes | None, sample: Sample | None
    ) -> None:
        while True:
            generation = self._generation
            adapted = dict(BoundedAttributes(attributes=self._adapt(key, attributes)))
            with self._guard.lock:
                if generation is not self._generation:
                    # Redacted by the rules before.
                    continue
                series = self._find(adapted)
                if series.attributes != OVERFLOW:
                    self._remember(key, attributes, series)
                elif sample is not None:
                    more = {k: v for k, v in adapted.items() if k not in OVERFLOW}
                    sample = (*sample[:3], more if adapted else None)
                series.add(amount, sample)
                return

    def _find(self, attributes: dict[str, Any]) -> Aggregation:
        identity = _identity(attributes)
        series = self._series.get(identity)
        if series is None and len(self._series) >= self._limit:
            attributes, identity = {**OVERFLOW}, _OVERFLOW_IDENTITY
            series = self._series.get(identity)
        if series is None:
            made = self._make(attributes, self._collected or time_ns())
            # A finalizer may have measured meanwhile.
            series = self._series.setdefault(identity, made)
        return series

    def _remember(self, key: Key, attributes: Attributes | None, series: Aggregation) -> None:
        if len(self._known) + len(self._by_type) >= self._limit * KEYS_PER_SERIES:
            self._known.clear()
            self._by_type.clear()
            self._guard.renew()
        # Parts of the key that are no attributes have no value, or a text.
        places = tuple(
            place
            for place, part in enumerate(key)
            if isinstance(part, tuple) and not isinstance(part[1], str)
        )
        if (
            not _is_hashable(key)
            or not all(isinstance(name, str) for name in attributes or ())
            or not all(type(key[place][1]) in _SCALARS for place in places)
        ):
            return
        if not places:
            self._known[key] = series.add
            return
        by_type = self._by_type.setdefault(key, _ByType(places))
        by_type.known[by_type.types(key)] = series.add

    def forget(self) -> None:
        """Look up the attributes of each measurement anew."""
        with self._guard.lock:
            self._generation = object()
            self._known, self._by_type = {}, {}
            self._guard.renew()

    def forked(self) -> None:
        """Forget all series."""
        self._known, self._by_type, self._series, self._collected = {}, {}, {}, None
        self._guard.renew()

    def known(self, key: Key) -> Add | None:
        """What adds to the series of a key, if it was measured. The lock is held."""
        return self._known.get(key)

    def collect(self) -> list[Any]:
        """The data points of now."""
        with self._guard.lock:
            self._guard.aggregate_staged()
            # Within the lock, or a series may begin later.
            now = time_ns()
            if self._is_delta:
                series = [*self._series.values()]
                self._known, self._by_type, self._series = {}, {}, {}
                self._guard.renew()
                if self._collected is not None or series:
                    self._collected = now
            else:
                # A copy: a finalizer may measure meanwhile.
                series = [each.taken() for each in [*self._series.values()]]
        return [each.point(now) for each in series]


class _ByType:
    """What is known of equal keys: 1, 1.0 and True are equal, and no same attribute value.

    Args:
        places: of the attributes in the key whose values are no texts.
    """

    __slots__ = ("_places", "known")

    def __init__(self, places: tuple[int, ...]) -> None:
        self._places = places
        self.known: dict[Any, Add] = {}

    def types(self, key: Key) -> Any:
        """The types of those values."""
        places = self._places
        if len(places) == 1:
            return type(key[places[0]][1])
        return tuple([type(key[place][1]) for place in places])


class _Instrument:
    """Measures in place of one of the SDK's instruments.

    Attributes:
        kind: the SDK's public class of it.
        adapt: returns the attributes of a series.
        boundaries: of a histogram's buckets.
        tables: one for each reader.
        guard: what the tables share.
    """

    _least = 0.0

    def __init__(
        self,
        inner: Any,
        kind: type,
        adapt: AdaptKey,
        boundaries: tuple[float, ...],
        find_sample: FindSample,
        guard: Guard,
    ) -> None:
        self.guard = guard
        self.kind = kind
        self.adapt = adapt
        self.boundaries = boundaries
        self.tables: dict[MetricReader, _Table] = {}
        self.find_sample = find_sample
        """Returns the exemplar for a measurement in a context, or None."""
        # A context that has no exemplar.
        self.unsampled = _NO_CONTEXT if find_sample is _always else NO_SPAN
        self._refuse = inner.record if kind is sdk.Histogram else inner.add
        self.aggregate: Measure = self._aggregate_in_each
        """Aggregates a measurement that may be: see `_Table.measure`."""

    def attach(self, reader: MetricReader, table: _Table) -> None:
        """Measure for a reader too."""
        self._change({**self.tables, reader: table})

    def detach(self, reader: MetricReader) -> None:
        """Stop measuring for a reader."""
        self._change({key: table for key, table in self.tables.items() if key is not reader})

    def together(self, *others: Any) -> Together | None:
        """Measure with other instruments of the provider; None if one has no tables."""
        instruments = self, *others
        known = all(isinstance(each, _Instrument) for each in instruments)
        return Together(instruments) if known else None

    def _change(self, tables: dict[MetricReader, _Table]) -> None:
        self.tables = tables
        # Usually there is one.
        only = next(iter(tables.values())) if len(tables) == 1 else None
        self.aggregate = self._aggregate_in_each if only is None else only.measure

    def _aggregate_in_each(
        self, amount: int | float, key: Key, attributes: Attributes | None, sample: Sample | None
    ) -> None:
        for table in self.tables.values():
            table.measure(amount, key, attributes, sample)

    def measure(
        self,
        amount: int | float,
        key: Key,
        attributes: Attributes | None = None,
        context: Context | None = None,
    ) -> None:
        """Aggregate one measurement.

        Args:
            amount: the measurement. One that is not finite, or negative where it must not be, is
                logged and not aggregated.
            key: what identifies the attributes; see `_Table.measure`.
            attributes: those of the measurement.
            context: the current one unless given.

        Raises:
            TypeError: if the amount is no number.
            OverflowError: if it is a whole number above the largest number of 64 bits.
        """
        if not self._least <= amount <= LARGEST:
            self._refuse(amount, attributes)
            return
        sample = None
        if context is not self.unsampled:
            sample = self.find_sample(amount, context)
        self.aggregate(amount, key, attributes, sample)


class TableHistogram(_Instrument, Histogram):
    """A histogram whose measurements go into tables."""

    def record(
        self,
        amount: int | float,
        attributes: Attributes | None = None,
        context: Context | None = None,
    ) -> None:
        """Aggregate one measurement."""
        if not 0.0 <= amount <= LARGEST:
            self._refuse(amount, attributes)
            return
        # As in `measure`, without its call.
        sample = None
        if context is not self.unsampled:
            sample = self.find_sample(amount, context)
        self.aggregate(amount, tuple(attributes.items()) if attributes else (), attributes, sample)


class TableCounter(_Instrument, Counter):
    """A counter whose measurements go into tables."""

    def add(
        self,
        amount: int | float,
        attributes: Attributes | None = None,
        context: Context | None = None,
    ) -> None:
        """Aggregate one measurement."""
        self.measure(amount, tuple(attributes.items()) if attributes else (), attributes, context)


class TableUpDownCounter(_Instrument, UpDownCounter):
    """An up-down counter whose measurements go into tables."""

    _least = -LARGEST

    def add(
        self,
        amount: int | float,
        attributes: Attributes | None = None,
        context: Context | None = None,
    ) -> None:
        """Aggregate one measurement."""
        self.measure(amount, tuple(attributes.items()) if attributes else (), attributes, context)


class Together:
    """Measures several instruments of one meter provider with one look-up and one lock.

    The measurements are staged, and aggregated by sixteens, or when a reader collects: for those of
    one request, the code that aggregates is in none of the processor's caches.

    Args:
        instruments: their tables have the same guard.
    """

    def __init__(self, instruments: Sequence[_Instrument]) -> None:
        self._instruments = instruments
        self._guard = instruments[0].guard
        self._generation = self._guard.generation
        self._known: dict[Key, Sequence[Add]] = {}

    def measure(
        self, key: Key, amounts: Sequence[int | float], samples: Sequence[Sample | None]
    ) -> bool:
        """Aggregate a measurement of each instrument.

        Args:
            key: identifies the attributes of all.
            amounts: numbers that each instrument takes, in the order of the instruments: finite,
                and those of histograms not negative.
            samples: their exemplars.

        Returns:
            False if the key is not known, and nothing was aggregated.
        """
        guard = self._guard
        lock = guard.lock
        lock.acquire()
        try:
            known = self._known.get(key)
            if known is None or self._generation is not guard.generation:
                # The next measurement is made otherwise, and is the later one.
                guard.aggregate_staged()
                return False
            guard.staged.append((known, amounts, samples))
            if len(guard.staged) >= MOST_STAGED:
                guard.aggregate_staged()
            return True
        except TypeError:
            # The key has no hash.
            return False
        finally:
            lock.release()

    def learn(self, key: Key, keys: Sequence[Key]) -> None:
        """Remember the series of a key.

        Args:
            key: identifies the attributes of all.
            keys: by which each instrument has measured with these attributes.
        """
        if not _is_hashable(key):
            return
        with self._guard.lock:
            if self._generation is not self._guard.generation or len(self._known) >= MAX_TOGETHER:
                self._known.clear()
                self._generation = self._guard.generation
            found = []
            for instrument, own in zip(self._instruments, keys, strict=True):
                tables = [*instrument.tables.values()]
                add = tables[0].known(own) if len(tables) == 1 else None
                if add is None:
                    # Of an overflow series, or for several readers.
                    return
                found.append(add)
            self._known[key] = found


_INSTRUMENTS: dict[type, type[Any]] = {
    sdk.Histogram: TableHistogram,
    sdk.Counter: TableCounter,
    sdk.UpDownCounter: TableUpDownCounter,
}


class TableMeter(AdaptedMeter):
    """A meter whose synchronous instruments, gauges excepted, measure into tables.

    Args:
        meter: the SDK's meter.
        tables: the tables of its provider.
        adapt: returns the attributes of a measurement.

    Attributes:
        adapt_key: for histograms and counters, returns the attributes of a series, given its key
            and the attributes of a measurement; `adapt` of the latter unless set otherwise.
    """

    def __init__(self, meter: Meter, tables: Tables, adapt: Adapt) -> None:
        super().__init__(meter, adapt)
        self._tables = tables
        self._adapt_attributes: AdaptKey = lambda _key, attributes: adapt(attributes)
        self.adapt_key: AdaptKey = self._adapt_attributes

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> UpDownCounter:
        inner = self._meter.create_up_down_counter(name, unit, description)
        found: UpDownCounter | None = self._tables.instrument(inner, self._adapt_attributes)
        # A meter of a provider that is shut down has other instruments.
        return super().create_up_down_counter(name, unit, description) if found is None else found

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
        found: Histogram | None = self._tables.instrument(
            inner, self.adapt_key, explicit_bucket_boundaries_advisory
        )
        return self._histogram(inner) if found is None else found

    def _counter(self, inner: Counter) -> Counter:
        found: Counter | None = self._tables.instrument(inner, self.adapt_key)
        return super()._counter(inner) if found is None else found


def preferences_of(reader: MetricReader) -> dict[type, Preference] | None:
    """What a reader asks for; None if a table can't give it."""
    asked = [
        p.get(name, reader)
        for name in (p.READER_TEMPORALITY, p.READER_AGGREGATION, p.READER_LIMITS)
    ]
    found = {}
    for kind in _INSTRUMENTS:
        wanted = [_of_kind(kind, each) for each in asked]
        if None in wanted:
            return None
        temporality, aggregation, limit = wanted
        exponential = _is_exponential(kind, aggregation)
        if exponential is None:
            return None
        found[kind] = Preference(temporality, exponential, limit)
    return found


def _of_kind(kind: type, asked: Mapping[type, Any] | None) -> Any:
    # The keys are private subclasses of the public classes.
    return next((value for key, value in (asked or {}).items() if issubclass(key, kind)), None)


def _is_exponential(kind: type, aggregation: view.Aggregation) -> bool | None:
    """Whether a reader asks for exponential buckets; None if for something else than usual."""
    usual: tuple[type[view.Aggregation], ...] = (view.DefaultAggregation,)
    if kind is sdk.Histogram:
        usual += (
            view.ExplicitBucketHistogramAggregation,
            view.ExponentialBucketHistogramAggregation,
        )
    asked = type(aggregation)
    # With arguments of its own, it has other attributes.
    if asked not in usual or vars(aggregation) != vars(asked()):
        return None
    return asked is view.ExponentialBucketHistogramAggregation


def _are_numbers(boundaries: Any) -> bool:
    return isinstance(boundaries, Sequence) and all(
        isinstance(each, int | float) for each in boundaries
    )


def _is_hashable(key: Key) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def _identity(value: Any) -> Any:
    """A key that is the same for the same attributes in any order, and for no others."""
    if isinstance(value, Mapping):
        return Mapping, frozenset((name, _identity(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return Sequence, tuple(map(_identity, value))
    return type(value), value


_OVERFLOW_IDENTITY = _identity(OVERFLOW)


# The key of the span in a context.
[_SPAN] = NO_SPAN


def _sampled(amount: int | float, context: Context | None) -> Sample | None:
    # As in the SDK, an empty context stands for the current one.
    span: Any = (context or get_current()).get(_SPAN)
    if span is None or span is INVALID_SPAN:
        return None
    found = ids_of_span(span)
    if not found.trace_flags & 1:
        return None
    return amount, time_ns(), (found.trace_id, found.span_id), None


def _always(amount: int | float, context: Context | None) -> Sample | None:
    span = get_current_span(context or None)
    if span is INVALID_SPAN:
        return amount, time_ns(), None, None
    found = ids_of_span(span)
    return amount, time_ns(), (found.trace_id, found.span_id), None


def _never(_amount: int | float, _context: Context | None) -> Sample | None:
    return None


_SAMPLES: dict[type[sdk.ExemplarFilter], FindSample] = {
    sdk.TraceBasedExemplarFilter: _sampled,
    sdk.AlwaysOnExemplarFilter: _always,
    sdk.AlwaysOffExemplarFilter: _never,
}
