"""The process: CPU, memory, threads, open files and garbage, by contrib's instrumentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor

from telemetry.failsafe import failed

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

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
        failed("the metrics of the process", error)
