"""Metrics of the pool: the duration of a Datasette's start, and evictions."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.metrics import get_meter

from telemetry.registry import attributes as a
from telemetry.registry.process_metrics import EVICTIONS, STARTUP_DURATION

# The API's proxy instruments: created now, and recorded once there is a meter provider.
_meter = get_meter("config.sites")
_startups = _meter.create_histogram(
    str(STARTUP_DURATION),
    unit=STARTUP_DURATION.unit,
    description=STARTUP_DURATION.description,
    explicit_bucket_boundaries_advisory=STARTUP_DURATION.buckets,
)
_evictions = _meter.create_counter(str(EVICTIONS), EVICTIONS.unit, EVICTIONS.description)


@contextmanager
def measured_startup() -> Iterator[None]:
    """Record the duration of the block, and the class of its exception."""
    began, attributes = time.perf_counter(), dict[str, str]()
    try:
        yield
    except BaseException as error:
        attributes[str(a.ERROR_TYPE)] = type(error).__qualname__
        raise
    finally:
        _startups.record(time.perf_counter() - began, attributes)


def count_eviction() -> None:
    """Count one eviction of an idle Datasette in favour of another."""
    _evictions.add(1)
