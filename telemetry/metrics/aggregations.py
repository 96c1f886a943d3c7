"""The aggregations of one series: explicit buckets, base-2 exponential buckets, and sums.

Their data points are those of the SDK's aggregations for the same measurements. No method takes a
lock: the table of the series does.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from bisect import bisect_left
from math import floor, frexp, log
from operator import itemgetter
from random import random
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Histogram,
    HistogramDataPoint,
    NumberDataPoint,
    Sum,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Data = Sum | Histogram | ExponentialHistogram
    # Value, time in nanoseconds since 1970, ids of the trace and the span, and the attributes that
    # the series lacks: None for all but the overflow series.
    Sample = tuple[int | float, int, tuple[int, int] | None, dict[str, Any] | None]

# https://opentelemetry.io/docs/specs/otel/metrics/sdk/: explicit bucket histogram aggregation.
DEFAULT_BOUNDARIES = (
    *(0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0),
    *(2500.0, 5000.0, 7500.0, 10000.0),
)
# The same page: exponential histogram aggregation, and its exemplar reservoir.
MAX_SIZE = 160
MAX_SCALE = 20
EXPONENTIAL_EXEMPLARS = 20
# The smallest positive number with full precision.
_SMALLEST = sys.float_info.min
_SMALLEST_EXPONENT = sys.float_info.min_exp - 1
_MAX_EXPONENT = sys.float_info.max_exp


class Aggregation(ABC):
    """Aggregates the measurements of one series.

    Args:
        attributes: the attributes of the series.
        start: the beginning of the first interval, in nanoseconds since 1970.
    """

    __slots__ = ("attributes", "samples", "start")

    def __init__(self, attributes: dict[str, Any], start: int) -> None:
        self.attributes = attributes
        self.start = start
        # By bucket, or by place in the reservoir.
        self.samples: dict[int, Sample] = {}

    @abstractmethod
    def add(self, amount: int | float, sample: Sample | None) -> None:
        """Aggregate a measurement.

        Raises:
            TypeError: if the amount can't be added. The aggregation is unchanged.
        """

    def taken(self) -> Aggregation:
        """A copy to be read, with the exemplars, which begin anew."""
        copy = type(self).__new__(type(self))
        copy.attributes, copy.start = self.attributes, self.start
        copy.samples, self.samples = self.samples, {}
        return copy

    @abstractmethod
    def point(self, now: int) -> Any:
        """The data point at a time in nanoseconds since 1970."""

    def exemplars(self) -> list[Exemplar]:
        """The exemplars in the order of their buckets."""
        known = self.attributes
        unchanged: dict[str, Any] | None = {} if known else None
        return [
            Exemplar(
                unchanged if more is None else more,
                value,
                when,
                None if ids is None else ids[1],
                None if ids is None else ids[0],
            )
            for _, (value, when, ids, more) in sorted(self.samples.items(), key=itemgetter(0))
        ]


class SumAggregation(Aggregation):
    """A sum, with one exemplar, chosen at random."""

    __slots__ = ("_seen", "_sum")

    def __init__(self, attributes: dict[str, Any], start: int) -> None:
        super().__init__(attributes, start)
        self._sum: int | float = 0
        self._seen = 0

    def add(self, amount: int | float, sample: Sample | None) -> None:
        self._sum += amount
        if sample is not None:
            self._seen += 1
            # `randrange` takes two calls of Python's.
            if int(random() * self._seen) == 0:  # noqa: S311 # no secret
                self.samples[0] = sample

    def taken(self) -> Aggregation:
        copy: Any = super().taken()
        copy._sum = self._sum
        self._seen = 0
        return copy  # type: ignore[no-any-return]

    def point(self, now: int) -> NumberDataPoint:
        return NumberDataPoint(self.attributes, self.start, now, self._sum, self.exemplars())


class _HistogramAggregation(Aggregation):
    __slots__ = ("_max", "_min", "_sum")

    def __init__(self, attributes: dict[str, Any], start: int) -> None:
        super().__init__(attributes, start)
        self._sum: int | float = 0
        self._min = math.inf
        self._max = -math.inf

    def taken(self) -> Aggregation:
        copy: Any = super().taken()
        copy._sum, copy._min, copy._max = self._sum, self._min, self._max
        return copy  # type: ignore[no-any-return]


class ExplicitAggregation(_HistogramAggregation):
    """Counts by explicit buckets, with the last exemplar of each bucket."""

    __slots__ = ("_boundaries", "_counts")

    def __init__(
        self, attributes: dict[str, Any], start: int, boundaries: tuple[float, ...]
    ) -> None:
        super().__init__(attributes, start)
        self._boundaries = boundaries
        self._counts = [0] * (len(boundaries) + 1)

    def add(self, amount: int | float, sample: Sample | None) -> None:
        self._sum += amount
        bucket = bisect_left(self._boundaries, amount)
        self._counts[bucket] += 1
        if amount < self._min:
            self._min = amount
        if amount > self._max:
            self._max = amount
        if sample is not None:
            self.samples[bucket] = sample

    def taken(self) -> Aggregation:
        copy: Any = super().taken()
        copy._boundaries, copy._counts = self._boundaries, [*self._counts]
        return copy  # type: ignore[no-any-return]

    def point(self, now: int) -> HistogramDataPoint:
        return HistogramDataPoint(
            self.attributes,
            self.start,
            now,
            sum(self._counts),
            self._sum,
            tuple(self._counts),
            self._boundaries,
            self._min,
            self._max,
            self.exemplars(),
        )


class ExponentialAggregation(_HistogramAggregation):
    """Counts by base-2 exponential buckets, with exemplars chosen at random.

    The scale begins at the largest, and falls when the buckets would be more than ``MAX_SIZE``.
    Negative measurements are refused before, so there are no negative buckets.
    """

    __slots__ = ("_counts", "_high", "_low", "_scale", "_seen", "_total", "_zeros")

    def __init__(self, attributes: dict[str, Any], start: int) -> None:
        super().__init__(attributes, start)
        self._scale = MAX_SCALE
        self._counts: dict[int, int] = {}
        self._low = self._high = 0
        self._total = self._zeros = self._seen = 0

    def add(self, amount: int | float, sample: Sample | None) -> None:
        self._sum += amount
        self._total += 1
        if amount < self._min:
            self._min = amount
        if amount > self._max:
            self._max = amount
        if amount == 0:
            # As in the SDK, zero is no exemplar.
            self._zeros += 1
            return
        index = bucket_index(amount, self._scale)
        if not self._low <= index <= self._high or not self._counts:
            index = self._widened(amount, index)
        self._counts[index] = self._counts.get(index, 0) + 1
        if sample is not None:
            place = self._seen
            self._seen += 1
            if place >= EXPONENTIAL_EXEMPLARS:
                place = int(random() * self._seen)  # noqa: S311
            if place < EXPONENTIAL_EXEMPLARS:
                self.samples[place] = sample

    def _widened(self, amount: int | float, index: int) -> int:
        """Make room for a bucket; returns its index at the scale that fits."""
        if not self._counts:
            self._low = self._high = index
            return index
        low, high = min(self._low, index), max(self._high, index)
        while high - low >= MAX_SIZE:
            halved: dict[int, int] = {}
            for each, count in self._counts.items():
                halved[each >> 1] = halved.get(each >> 1, 0) + count
            self._counts = halved
            self._scale -= 1
            self._low >>= 1
            self._high >>= 1
            index = bucket_index(amount, self._scale)
            low, high = min(self._low, index), max(self._high, index)
        self._low, self._high = low, high
        return index

    def taken(self) -> Aggregation:
        copy: Any = super().taken()
        copy._scale, copy._counts = self._scale, {**self._counts}
        copy._low, copy._high = self._low, self._high
        copy._total, copy._zeros = self._total, self._zeros
        copy._seen = self._seen = 0
        return copy  # type: ignore[no-any-return]

    def point(self, now: int) -> ExponentialHistogramDataPoint:
        counts = self._counts
        return ExponentialHistogramDataPoint(
            attributes=self.attributes,
            start_time_unix_nano=self.start,
            time_unix_nano=now,
            count=self._total,
            sum=self._sum,
            # Without a positive measurement, as in the SDK.
            scale=self._scale if counts else 0,
            zero_count=self._zeros,
            positive=Buckets(
                self._low, [counts.get(index, 0) for index in range(self._low, self._high + 1)]
            ),
            negative=Buckets(0, [0]),
            flags=0,
            min=self._min,
            max=self._max,
            exemplars=self.exemplars(),
        )


def bucket_index(amount: int | float, scale: int) -> int:
    """The bucket of a positive number: of those above ``2**(index * 2**-scale)``, the lowest.

    By the specification's mapping functions
    (https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram).
    """
    mantissa, exponent = frexp(amount)
    # A power of two is the upper bound of its bucket.
    is_power = mantissa == 0.5  # by definition of frexp
    if scale > 0 and amount > _SMALLEST and not is_power:
        # Most measurements.
        index = floor(log(amount) * _factors[scale])
        # Rounding may give an index that no number has.
        return index if exponent < _MAX_EXPONENT else min(index, (_MAX_EXPONENT << scale) - 1)
    exponent -= 1
    if scale <= 0:
        if amount < _SMALLEST:
            exponent, is_power = _SMALLEST_EXPONENT, scale >= -1
        return (exponent - is_power) >> -scale
    if amount <= _SMALLEST:
        return (_SMALLEST_EXPONENT << scale) - 1
    return (exponent << scale) - 1


_factors = {scale: math.ldexp(1 / log(2), scale) for scale in range(1, MAX_SCALE + 1)}


def metric_data(
    points: Sequence[Any], temporality: AggregationTemporality, *, is_monotonic: bool
) -> Data:
    """The data of a metric: its data points, and what is the same for all of them."""
    if isinstance(points[0], NumberDataPoint):
        return Sum(points, temporality, is_monotonic)
    if isinstance(points[0], ExponentialHistogramDataPoint):
        return ExponentialHistogram(points, temporality)
    return Histogram(points, temporality)


def are_boundaries(boundaries: Iterable[float]) -> bool:
    """Whether these are finite numbers, each larger than the one before."""
    last = -math.inf
    for each in boundaries:
        if not (math.isfinite(each) and each > last):
            return False
        last = each
    return True
