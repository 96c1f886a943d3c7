"""A meter that changes the attributes of its measurements.

They are changed before aggregation: afterwards, two series that become equal could
not be merged, and metrics that are scraped pass through no exporter.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import (
    Counter,
    Histogram,
    Meter,
    Observation,
    UpDownCounter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import CallbackOptions

    Attributes = Mapping[str, Any] | None
    Adapt = Callable[[Attributes], Attributes]


class AdaptedMeter(Meter):
    """Wraps a meter: ``adapt`` changes the attributes of each measurement.

    Args:
        meter: the wrapped meter.
        adapt: returns the new attributes of one measurement; it must not change them in place.
        describe: returns another text for a description or a unit.
    """

    def __init__(
        self, meter: Meter, adapt: Adapt, describe: Callable[[str], str] | None = None
    ) -> None:
        super().__init__(meter.name, meter.version, meter.schema_url)
        self._describe = describe or str
        self._meter = meter
        self._adapt = adapt

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        return self._counter(
            self._meter.create_counter(name, self._describe(unit), self._describe(description))
        )

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> UpDownCounter:
        inner = self._meter.create_up_down_counter(
            name, self._describe(unit), self._describe(description)
        )
        return _UpDownCounter(inner, self._adapt)

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
            self._describe(unit),
            self._describe(description),
            explicit_bucket_boundaries_advisory=explicit_bucket_boundaries_advisory,
        )
        return self._histogram(inner)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Any:
        return _Gauge(
            self._meter.create_gauge(name, self._describe(unit), self._describe(description)),
            self._adapt,
        )

    def create_observable_counter(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> Any:
        adapted = self._adapted(callbacks)
        return self._meter.create_observable_counter(
            name, adapted, self._describe(unit), self._describe(description)
        )

    def create_observable_up_down_counter(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> Any:
        adapted = self._adapted(callbacks)
        return self._meter.create_observable_up_down_counter(
            name, adapted, self._describe(unit), self._describe(description)
        )

    def create_observable_gauge(
        self, name: str, callbacks: Any = None, unit: str = "", description: str = ""
    ) -> Any:
        adapted = self._adapted(callbacks)
        return self._meter.create_observable_gauge(
            name, adapted, self._describe(unit), self._describe(description)
        )

    def _counter(self, inner: Counter) -> Counter:
        return _Counter(inner, self._adapt)

    def _histogram(self, inner: Histogram) -> Histogram:
        return _Histogram(inner, self._adapt)

    def _adapted(self, callbacks: Sequence[Any] | None) -> list[Any] | None:
        if callbacks is None:
            return None
        return [_observing(callback, self._adapt) for callback in callbacks]


def _observing(callback: Any, adapt: Adapt) -> Callable[[CallbackOptions], list[Observation]]:
    observe = callback
    if isinstance(callback, Generator):
        # The API also accepts generators: the options are sent to them, and they yield.
        next(callback)

        def observe(options: CallbackOptions) -> Iterable[Observation]:
            try:
                observed: Iterable[Observation] = callback.send(options)
            except StopIteration:
                return ()
            return observed

    def observed(options: CallbackOptions) -> list[Observation]:
        return [
            Observation(each.value, adapt(each.attributes), each.context)
            for each in observe(options)
        ]

    return observed


class _Adding:
    def __init__(self, inner: Counter | UpDownCounter, adapt: Adapt) -> None:
        self._add = inner.add
        self._adapt = adapt

    def add(
        self, amount: int | float, attributes: Attributes = None, context: Context | None = None
    ) -> None:
        self._add(amount, self._adapt(attributes), context)


class _Counter(_Adding, Counter):
    pass


class _UpDownCounter(_Adding, UpDownCounter):
    pass


class _Histogram(Histogram):
    def __init__(self, inner: Histogram, adapt: Adapt) -> None:
        self._record = inner.record
        self._adapt = adapt

    def record(
        self, amount: int | float, attributes: Attributes = None, context: Context | None = None
    ) -> None:
        self._record(amount, self._adapt(attributes), context)


class _Gauge:
    # Not a subclass: the API has no public name for the class of gauges.
    def __init__(self, inner: Any, adapt: Adapt) -> None:
        self._set = inner.set
        self._adapt = adapt

    def set(
        self, amount: int | float, attributes: Attributes = None, context: Context | None = None
    ) -> None:
        self._set(amount, self._adapt(attributes), context)
