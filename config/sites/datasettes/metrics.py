"""What the pool counts: how long a Datasette takes to start, and which make way for others."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.metrics import get_meter

from telemetry.registry import attributes as a
from telemetry.registry.process_metrics import EVICTIONS, STARTUP_DURATION

# By the API's proxies: made now, and recorded once telemetry has a provider, if ever.
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
    """Record how long it takes, and the class of what it fails with."""
    began, attributes = time.perf_counter(), dict[str, str]()
    try:
        yield
    except BaseException as error:
        attributes[str(a.ERROR_TYPE)] = type(error).__qualname__
        raise
    finally:
        _startups.record(time.perf_counter() - began, attributes)


def count_eviction() -> None:
    """One that is kept makes way for one that is asked for."""
    _evictions.add(1)
