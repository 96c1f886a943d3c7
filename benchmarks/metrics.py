"""`python -m benchmarks.metrics`: the cost of metrics."""

from __future__ import annotations

import math
import sys
from textwrap import fill
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN

from benchmarks.command import run_in_rounds
from benchmarks.machine import machine, packages
from benchmarks.pairs import measure_pair, pair_lines
from telemetry.datasette.meter import DatasetteMeter
from telemetry.metrics.provider import MeterProvider
from telemetry.redaction.redactor import Redactor
from telemetry.registry.datasette import SCOPE
from telemetry.request import NO_SPAN, RequestRecord, attach_record
from telemetry.settings.model import RedactionSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.context import Context

WAYS = {"off": {"OTEL_METRICS_EXPORTER": "none"}, "on": {}}
QUERY = {"db.system": "sqlite", "db.namespace": "meetings", "datasette.operation": "read"}
REQUEST = {
    "http.request.method": "GET",
    "url.scheme": "https",
    "network.protocol.version": "1.1",
    "http.response.status_code": 200,
    "http.route": "/{database}/{table}",
}
BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("metrics", __doc__, _run, arguments)


def _run(rounds: int) -> Iterator[str]:
    yield from _measurements()
    yield ""
    pages, samples = measure_pair(WAYS, rounds)
    yield "CPU a request, traces and logs sent, without metrics and with them"
    yield from pair_lines(pages, samples, tuple(WAYS), rounds)
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _measurements() -> Iterator[str]:
    redactor = Redactor(RedactionSettings())
    known: dict[str, Any] = {"redactor": redactor, "adapters": {SCOPE: DatasetteMeter}}
    two = [InMemoryMetricReader() for _ in range(2)]
    delta: dict[type, AggregationTemporality] = {sdk.Histogram: AggregationTemporality.DELTA}
    exponential = InMemoryMetricReader(
        delta, {sdk.Histogram: ExponentialBucketHistogramAggregation()}
    )
    tabled = _provider(MeterProvider, **known)
    # A view that no instrument has: the SDK measures for this provider.
    plain = _provider(MeterProvider, views=[View(instrument_name="no-metric")], **known)
    measured = {
        "one of Datasette's, with the site": {
            "the SDK's instrument": _measuring(plain, SCOPE, QUERY, NO_SPAN),
            "a table": _measuring(tabled, SCOPE, QUERY, NO_SPAN),
        },
        "one of the edge's, without exemplar": {
            "the SDK's instrument": _measuring(plain, "telemetry", REQUEST, NO_SPAN),
            "a table": _measuring(tabled, "telemetry", REQUEST, NO_SPAN),
        },
        "one of the edge's, with exemplar": {
            "the SDK's instrument": _measuring(plain, "telemetry", REQUEST),
            "a table": _measuring(tabled, "telemetry", REQUEST),
            "two tables, for two readers": _measuring(
                MeterProvider(two, shutdown_on_exit=False, redactor=redactor), "telemetry", REQUEST
            ),
            "a table of exponential buckets": _measuring(
                MeterProvider([exponential], shutdown_on_exit=False, redactor=redactor),
                "telemetry",
                REQUEST,
            ),
        },
        "the least: three attributes of text, no exemplar": {
            "the SDK's, without redaction": _measuring(
                _provider(sdk.MeterProvider), "telemetry", QUERY, NO_SPAN
            ),
            "a table": _measuring(tabled, "telemetry", QUERY, NO_SPAN),
        },
    }
    took = _least(
        {(what, by): call for what, each in measured.items() for by, call in each.items()}
    )
    yield "µs for one measurement of a histogram, in a sampled trace (the least of many runs,"
    yield "interleaved), and its part of the first of each group:"
    for what, each in measured.items():
        yield f"  {what}"
        first = took[what, next(iter(each))]
        for by in each:
            yield f"    {by:<42}{took[what, by]:>7.2f}{took[what, by] / first:>7.2f}"


def _provider(made: Any, **known: Any) -> sdk.MeterProvider:
    provider: sdk.MeterProvider = made([InMemoryMetricReader()], shutdown_on_exit=False, **known)
    return provider


def _measuring(
    provider: sdk.MeterProvider,
    scope: str,
    attributes: Mapping[str, Any],
    context: Context | None = None,
) -> Callable[[int], None]:
    meter = provider.get_meter(scope)
    histogram = meter.create_histogram("duration", "s", explicit_bucket_boundaries_advisory=BUCKETS)

    def measure(times: int) -> None:
        record = histogram.record
        for _ in range(times):
            record(0.001, attributes, context)

    return measure


def _least(calls: Mapping[Any, Callable[[int], None]], times: int = 50) -> dict[Any, float]:
    """Microseconds of one call. Short runs, so that some are not interrupted."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("host")
    record = RequestRecord("GET", INVALID_SPAN)
    record.site = "alameda.ca"
    token = context_api.attach(attach_record(record, context_api.get_current()))
    least = dict.fromkeys(calls, math.inf)
    with tracer.start_as_current_span("GET /"):
        for _ in range(1500):
            for key, call in calls.items():
                began = perf_counter()
                call(times)
                least[key] = min(least[key], (perf_counter() - began) / times * 1e6)
    context_api.detach(token)
    return least


if __name__ == "__main__":
    sys.exit(main())
