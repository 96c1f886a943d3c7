"""What telemetry counts of itself: what it folds, samples, sends and loses.

The queues' sizes, capacities and drops are the SDK's own metrics, `otel.sdk.*`.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

from telemetry.failsafe import failures
from telemetry.registry import attributes as a
from telemetry.registry import process_metrics as m

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.metrics import CallbackOptions, Meter

    from telemetry.exporters.outlet import Outlet
    from telemetry.processors.datasette import DatasetteSpanProcessor
    from telemetry.processors.tail import TailSpanProcessor
    from telemetry.registry.names import MetricName
    from telemetry.settings.model import Signal

    Observe = Callable[[CallbackOptions], Iterable[Observation]]


def observe_telemetry(
    meter: Meter,
    *,
    outlets: Mapping[Signal, list[Outlet[Any]]],
    folding: DatasetteSpanProcessor | None,
    tail: TailSpanProcessor | None,
) -> None:
    """Have ``meter`` count, each time it is collected.

    Args:
        meter: of the process that exports.
        outlets: of each signal. Metrics' points are not counted, since to send is all they do.
        folding: None where no traces go anywhere.
        tail: None where that sampler is not used.
    """
    counted = [*outlets["traces"], *outlets["logs"]]
    retrying = [o for o in chain(*outlets.values()) if o.name in ("otlp", "logfire")]

    def exported(_options: CallbackOptions) -> Iterable[Observation]:
        # Several projects of one backend are one exporter.
        totals: dict[tuple[str, str, str], int] = {}
        for outlet in counted:
            tally = outlet.tally
            for outcome, count in (("delivered", tally.delivered), ("failed", tally.failed)):
                key = outlet.signal, outlet.name, outcome
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
        for outlet in retrying:
            key = outlet.signal, outlet.name
            totals[key] = totals.get(key, 0) + outlet.tally.retried
        return [
            Observation(count, {str(a.SIGNAL): signal, str(a.EXPORTER): name})
            for (signal, name), count in totals.items()
        ]

    def failed(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, {str(a.PLACE): place}) for place, count in [*failures.items()]]

    _count(meter, m.EXPORTED, exported)
    _count(meter, m.RETRIES, retried)
    _count(meter, m.FAILURES, failed)
    if folding is not None:
        _count(meter, m.FOLDED, lambda _options: [Observation(folding.folded)])
    if tail is not None:
        _count(meter, m.SAMPLED_AWAY, lambda _options: [Observation(tail.sampled_away)])
        _count(meter, m.NO_ROOM, lambda _options: [Observation(tail.dropped)])


def _count(meter: Meter, metric: MetricName, observe: Observe) -> None:
    meter.create_observable_counter(str(metric), [observe], metric.unit, metric.description)
