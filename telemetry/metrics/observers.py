"""What is observed each time metrics are collected: the process, its Datasettes, telemetry itself.

The queues' sizes, capacities and drops are the SDK's own metrics, `otel.sdk.*`.
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
    from telemetry.registry.names import MetricName
    from telemetry.settings.model import Signal

    Observe = Callable[[CallbackOptions], Iterable[Observation]]

    class Folding(Protocol):
        """What folds spans."""

        folded: int

    class Tail(Protocol):
        """What samples whole traces."""

        sampled_out: int
        dropped: int


def observe_telemetry(
    meter: Meter,
    *,
    destinations: Mapping[Signal, list[Destination[Any]]],
    folding: Folding | None,
    tail: Tail | None,
) -> None:
    """Have ``meter`` count, each time it is collected.

    Args:
        meter: of the process that exports.
        destinations: of each signal. Data points are not counted.
        folding: None where no traces go anywhere.
        tail: None where that sampler is not used.
    """
    counted = [*destinations["traces"], *destinations["logs"]]
    retrying = [o for o in chain(*destinations.values()) if o.name in ("otlp", "logfire")]

    def exported(_options: CallbackOptions) -> Iterable[Observation]:
        # Several projects of one backend are one exporter.
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

    def retried(_options: CallbackOptions) -> Iterable[Observation]:
        totals: dict[tuple[str, str], int] = {}
        for destination in retrying:
            key = destination.signal, destination.name
            totals[key] = totals.get(key, 0) + destination.statistics.retried
        return [
            Observation(count, {str(a.SIGNAL): signal, str(a.EXPORTER): name})
            for (signal, name), count in totals.items()
        ]

    def failed(_options: CallbackOptions) -> Iterable[Observation]:
        counts = [*state.failures.items()]
        return [Observation(count, {str(a.COMPONENT): name}) for name, count in counts]

    _count(meter, m.EXPORTED, exported)
    _count(meter, m.RETRIES, retried)
    _count(meter, m.FAILURES, failed)
    if folding is not None:
        _count(meter, m.FOLDED, lambda _options: [Observation(folding.folded)])
    if tail is not None:
        _count(meter, m.SAMPLED_OUT, lambda _options: [Observation(tail.sampled_out)])
        _count(meter, m.BUFFER_DROPPED, lambda _options: [Observation(tail.dropped)])


def _count(meter: Meter, metric: MetricName, observe: Observe) -> None:
    meter.create_observable_counter(str(metric), [observe], metric.unit, metric.description)


def observe_instances(meter: Meter) -> None:
    """Have ``meter`` count them, each time it is collected."""
    # A warning now: one while metrics are flushed would be a log record that comes too late.
    private_api.get(private_api.DATASETTE_INSTANCES)
    meter.create_observable_up_down_counter(
        str(DATASETTES), [_observed], DATASETTES.unit, DATASETTES.description
    )


def _observed(_options: CallbackOptions) -> list[Observation]:
    # A host that has not imported Datasette has none.
    instances = private_api.get(private_api.DATASETTE_INSTANCES)
    if instances is None:
        return []
    try:
        return [Observation(len(instances()))]
    except Exception as error:  # noqa: BLE001 # whatever another release does
        private_api.report_unusable(private_api.DATASETTE_INSTANCES, error)
        return []


# Of contrib's those of the process, by the conventions' names; the machine is the collector's
# business, and `process.runtime.*` is deprecated.
WANTED: dict[str, list[str] | None] = {
    "process.cpu.time": ["user", "system"],
    "process.memory.usage": None,
    "process.thread.count": None,
    "process.open_file_descriptor.count": None,
    "cpython.gc.collections": None,
}


def observe_process(provider: MeterProvider) -> None:
    """Have the provider's readers observe this process; after a fork, the child."""
    try:
        instrumentor = SystemMetricsInstrumentor(config=WANTED)
        # A host's own, with more: it is asked for.
        if not instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.instrument(meter_provider=provider)
    except Exception as error:  # noqa: BLE001 # where a process can't look at itself: no /proc
        failed("metrics.process", error)
