"""`python -m benchmarks.metrics`: the cost of metrics."""

from __future__ import annotations

import sys
from textwrap import fill
from time import perf_counter
from typing import TYPE_CHECKING

from opentelemetry import context as context_api
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN

from benchmarks.command import run_in_rounds
from benchmarks.machine import machine, packages
from benchmarks.pairs import measure_pair, pair_lines
from telemetry.metrics.provider import MeterProvider
from telemetry.redaction.redactor import Redactor
from telemetry.request import RequestRecord, attach_record
from telemetry.settings.model import RedactionSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.metrics import Histogram

WAYS = {"off": {"OTEL_METRICS_EXPORTER": "none"}, "on": {}}
BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("metrics", __doc__, _run, arguments)


def _run(rounds: int) -> Iterator[str]:
    yield "CPU µs for one of Datasette's measurements, in a request's trace:"
    yield f"  {'':<44}{'sampled':>9}{'not':>9}"
    redactor = Redactor(RedactionSettings())
    ours = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False, redactor=redactor)
    for name, histogram in {
        "the SDK's, without a site": _histogram(
            sdk.MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False), "else"
        ),
        "ours: site, redaction, no exemplar": _histogram(ours, "datasette"),
        "ours, of another scope: redaction, exemplar": _histogram(ours, "else"),
    }.items():
        yield f"  {name:<44}{''.join(f'{took:>9.1f}' for took in _costs(histogram))}"
    yield ""
    pages, samples = measure_pair(WAYS, rounds)
    yield "CPU a request, traces and logs sent, without metrics and with them"
    yield from pair_lines(pages, samples, tuple(WAYS), rounds)
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _histogram(provider: sdk.MeterProvider, scope: str) -> Histogram:
    meter = provider.get_meter(scope)
    return meter.create_histogram("duration", "s", explicit_bucket_boundaries_advisory=BUCKETS)


def _costs(histogram: Histogram) -> Iterator[float]:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("host")
    record = RequestRecord("GET", INVALID_SPAN)
    record.site = "alameda.ca"
    token = context_api.attach(attach_record(record, context_api.get_current()))

    def measure() -> None:
        # Created for each measurement, as Datasette does.
        known = {"db.system": "sqlite", "db.namespace": "meetings", "datasette.operation": "read"}
        histogram.record(0.001, known)

    with tracer.start_as_current_span("GET /"):
        yield _microseconds(measure)
    yield _microseconds(measure)
    context_api.detach(token)


def _microseconds(call: Callable[[], None], times: int = 5000) -> float:
    """Return the best of five, each the mean of `times` calls."""
    best = []
    for _ in range(5):
        began = perf_counter()
        for _ in range(times):
            call()
        best.append((perf_counter() - began) / times)
    return min(best) * 1e6


if __name__ == "__main__":
    sys.exit(main())
