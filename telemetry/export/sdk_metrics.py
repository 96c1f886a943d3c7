"""Metrics about export, with the names of OpenTelemetry's semantic conventions (``otel.sdk.*``).

The SDK's batch processors and exporters record them; here, outboxes and senders do.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry.metrics import Observation, get_meter_provider

from telemetry.registry import attributes as a
from telemetry.registry import others_metrics as m

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider

    from telemetry.export.outbox import Outbox
    from telemetry.registry.attributes import Signal

_KINDS: dict[Signal, str] = {"traces": "span", "logs": "log", "metrics": "metric_data_point"}
_PROCESSORS: dict[Signal, str] = {
    "traces": "batching_span_processor",
    "logs": "batching_log_processor",
}
_components: Counter[str] = Counter()


def _component(kind: str) -> dict[str, Any]:
    """Return the attributes of a new component, whose name is unique in the process."""
    number = _components[kind]
    _components[kind] += 1
    return {str(m.COMPONENT_TYPE): kind, str(m.COMPONENT_NAME): f"{kind}/{number}"}


class ExportMetrics:
    """Records what becomes of one signal's items on their way to one destination.

    Args:
        signal: the signal.
        outbox: its queue.
        endpoint: URL of the destination, or host and port.
        protocol: ``http`` or ``grpc``.
        meter_provider: None for the global one.
    """

    def __init__(
        self,
        signal: Signal,
        outbox: Outbox,
        endpoint: str,
        protocol: str,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        # The scope of the SDK's own.
        meter = (meter_provider or get_meter_provider()).get_meter("opentelemetry-sdk")
        kind = _KINDS[signal]
        exporter_kind = "metric" if signal == "metrics" else kind
        exporter = f"otlp_{protocol}_{exporter_kind}_exporter"
        self._exporter = {**_component(exporter), **_server(endpoint, protocol)}
        self._exported = _create(meter, f"otel.sdk.exporter.{kind}.exported")
        self._inflight = _create(meter, f"otel.sdk.exporter.{kind}.inflight")
        self._duration = meter.create_histogram(
            str(m.EXPORTS), unit=m.EXPORTS.unit, description=m.EXPORTS.description
        )
        self._processor: dict[str, Any] = {}
        self._processed: Any = None
        if signal in _PROCESSORS:
            self._observe_queue(meter, kind, _component(_PROCESSORS[signal]), outbox)

    def _observe_queue(
        self, meter: Meter, kind: str, attributes: dict[str, Any], outbox: Outbox
    ) -> None:
        self._processor = attributes
        self._processed = _create(meter, f"otel.sdk.processor.{kind}.processed")
        capacity = _create(meter, f"otel.sdk.processor.{kind}.queue.capacity")
        capacity.add(outbox.limits.max_size, attributes)

        def waiting(_options: CallbackOptions) -> list[Observation]:
            return [Observation(outbox.waiting, attributes)]

        size = m.sdk_metric(f"otel.sdk.processor.{kind}.queue.size")
        meter.create_observable_up_down_counter(
            str(size), [waiting], unit=size.unit, description=size.description
        )

    def dropped(self, count: int, reason: str) -> None:
        """Items were dropped before an export was tried."""
        if self._processed is not None:
            self._processed.add(count, {**self._processor, str(a.ERROR_TYPE): reason})

    def begin(self, count: int) -> None:
        """An attempt to send items begins."""
        self._inflight.add(count, self._exporter)

    def end(self, count: int) -> None:
        """An attempt has ended."""
        self._inflight.add(-count, self._exporter)

    def taken(self, count: int) -> None:
        """Items left the queue for their first attempt."""
        if self._processed is not None:
            self._processed.add(count, self._processor)

    def settled(
        self, count: int, seconds: float, error_type: str = "", status: object = None
    ) -> None:
        """Items have been exported, or given up.

        Args:
            count: number of items.
            seconds: time from the first attempt to the result.
            error_type: why they were given up; empty if they were delivered.
            status: HTTP status or gRPC code of the last answer, if they were given up.
        """
        attributes = (
            {**self._exporter, str(a.ERROR_TYPE): error_type} if error_type else self._exporter
        )
        self._exported.add(count, attributes)
        if isinstance(status, int):
            attributes = {**attributes, str(m.EXPORTER_STATUS): status}
        elif status:
            attributes = {**attributes, str(m.EXPORTER_RPC_STATUS): str(status)}
        self._duration.record(seconds, attributes)


def _create(meter: Meter, name: str) -> Any:
    metric = m.sdk_metric(name)
    create = {
        "counter": meter.create_counter,
        "updowncounter": meter.create_up_down_counter,
    }[metric.instrument]
    return create(str(metric), unit=metric.unit, description=metric.description)


def _server(endpoint: str, protocol: str) -> dict[str, Any]:
    parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
    port = parts.port
    if port is None:
        port = 80 if parts.scheme == "http" and protocol != "grpc" else 443
    found: dict[str, Any] = {str(m.EXPORTER_PORT): port}
    if parts.hostname:
        found[str(m.EXPORTER_ADDRESS)] = parts.hostname
    return found
