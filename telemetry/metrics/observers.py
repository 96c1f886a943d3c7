"""Observable instruments for the process, its Datasette instances and telemetry itself.

The SDK's metrics `otel.sdk.*` have the sizes, capacities and drops of the export queues.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.metrics import Observation

from telemetry import private_api
from telemetry.failsafe import failed
from telemetry.registry import attributes as a
from telemetry.registry import process_metrics as m
from telemetry.registry.process_metrics import DATASETTES
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider

    from telemetry.export.destination import Destination
    from telemetry.export.statistics import ExportStatistics
    from telemetry.registry.names import MetricName
    from telemetry.settings.model import Signal

    Observe = Callable[[CallbackOptions], Iterable[Observation]]

    class Folding(Protocol):
        """A span processor that folds spans."""

        @property
        def folded(self) -> int: ...

    class Tail(Protocol):
        """A span processor that samples whole traces."""

        sampled_out: int
        dropped: int


def observe_telemetry(
    meter: Meter,
    *,
    destinations: Mapping[Signal, list[Destination[Any]]],
    events: Destination[Any] | None,
    folding: Folding | None,
    tail: Tail | None,
    has_spool: bool = False,
    left_out: Mapping[str, int] | None = None,
) -> None:
    """Create the observable counters of exports, retries, failures, folding and tail sampling.

    Args:
        meter: a meter of the exporting process.
        destinations: the destinations of each signal. Metric data points are not counted.
        events: the destination of error events.
        folding: None if traces are not exported.
        tail: None if tail sampling is not used.
        has_spool: whether items that can't be sent are written to disk.
        left_out: what the limits for clients have left out, by reason.
    """
    others = [events] if events is not None else []
    counted = [*destinations["traces"], *destinations["logs"], *others]
    retrying = [o for o in chain(*destinations.values()) if o.name in ("otlp", "logfire")]
    retrying += others

    def exported(_options: CallbackOptions) -> Iterable[Observation]:
        # Several destinations with one exporter name, such as projects of Logfire, are summed.
        totals: dict[tuple[str, str, str], int] = {}
        for destination in counted:
            statistics = destination.statistics
            for outcome, count in (
                ("delivered", statistics.delivered),
                ("failed", statistics.failed),
            ):
                key = destination.signal, destination.name, outcome
                totals[key] = totals.get(key, 0) + count
        return [
            Observation(
                count,
                {str(a.SIGNAL): signal, str(a.EXPORTER): name, str(a.EXPORT_OUTCOME): outcome},
            )
            for (signal, name, outcome), count in totals.items()
        ]

    def sums(of: Callable[[ExportStatistics], int]) -> Observe:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            totals: dict[tuple[str, str], int] = {}
            for destination in retrying:
                key = destination.signal, destination.name
                totals[key] = totals.get(key, 0) + of(destination.statistics)
            return [
                Observation(count, {str(a.SIGNAL): signal, str(a.EXPORTER): name})
                for (signal, name), count in totals.items()
            ]

        return observe

    def failed(_options: CallbackOptions) -> Iterable[Observation]:
        counts = [*state.failures.items()]
        return [Observation(count, {str(a.COMPONENT): name}) for name, count in counts]

    _count(meter, m.EXPORTED, exported)
    if has_spool:
        _count(meter, m.SPOOLED, sums(lambda statistics: statistics.spooled))
    _count(meter, m.RETRIES, sums(lambda statistics: statistics.retried))
    _count(meter, m.FAILURES, failed)
    if folding is not None:
        _count(meter, m.FOLDED, lambda _options: [Observation(folding.folded)])
    if left_out is not None:
        counts = left_out
        _count(
            meter,
            m.LEFT_OUT,
            lambda _options: [
                Observation(count, {str(a.LIMIT): reason}) for reason, count in [*counts.items()]
            ],
        )
    if tail is not None:
        _count(meter, m.SAMPLED_OUT, lambda _options: [Observation(tail.sampled_out)])
        _count(meter, m.BUFFER_DROPPED, lambda _options: [Observation(tail.dropped)])


def _count(meter: Meter, metric: MetricName, observe: Observe) -> None:
    meter.create_observable_counter(str(metric), [observe], metric.unit, metric.description)


def observe_instances(meter: Meter) -> None:
    """Create the observable counter of Datasette instances."""
    # Looked up here, so that a warning about a missing name is logged at start-up: a log record
    # that is created while metrics are flushed is too late to be exported.
    private_api.get(private_api.DATASETTE_INSTANCES)
    meter.create_observable_up_down_counter(
        str(DATASETTES), [_observed], DATASETTES.unit, DATASETTES.description
    )


def _observed(_options: CallbackOptions) -> list[Observation]:
    # None if the host has not imported Datasette.
    instances = private_api.get(private_api.DATASETTE_INSTANCES)
    if instances is None:
        return []
    try:
        return [Observation(len(instances()))]
    except Exception as error:  # noqa: BLE001 # another release may raise anything
        private_api.report_unusable(private_api.DATASETTE_INSTANCES, error)
        return []


# Contrib's metrics of the process with names of the semantic conventions. A collector measures
# the machine, and `process.runtime.*` is deprecated.
WANTED: dict[str, list[str] | None] = {
    "process.cpu.time": ["user", "system"],
    "process.memory.usage": None,
    "process.thread.count": None,
    "process.open_file_descriptor.count": None,
    "cpython.gc.collections": None,
}


def observe_process(provider: MeterProvider) -> None:
    """Create the metrics of this process; after a fork they measure the child."""
    try:
        instrumentor = SystemMetricsInstrumentor(config=WANTED)
        # If the host has instrumented it already, its configuration stays.
        if not instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.instrument(meter_provider=provider)
    except Exception as error:  # noqa: BLE001 # for example without /proc
        failed("metrics.process", error)
