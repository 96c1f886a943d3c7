"""Metrics of several Datasettes in one process. Runs in a separate process."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections import Counter
from contextlib import suppress
from typing import Any

from datasette.app import Datasette
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from telemetry import failsafe
from telemetry.datasette.meter import DatasetteMeter
from telemetry.datasette.tracer import DatasetteTracer
from telemetry.metrics.observers import observe_instances
from telemetry.metrics.provider import MeterProvider
from telemetry.registry.datasette import SCOPE
from telemetry.traces.provider import TracerProvider

SLOW = "with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) from c"
FIRST = {"num_sql_threads": 2, "sql_time_limit_ms": 20}


class MeasuredDatasettes:
    """Providers for several Datasettes, and the metrics that they record."""

    def __init__(self, sampled: str) -> None:
        sampler = ALWAYS_ON if sampled == "sampled" else ALWAYS_OFF
        trace.set_tracer_provider(
            TracerProvider(sampler, shutdown_on_exit=False, adapters={SCOPE: DatasetteTracer})
        )
        self._reader = InMemoryMetricReader()
        provider = MeterProvider(
            [self._reader], shutdown_on_exit=False, adapters={SCOPE: DatasetteMeter}
        )
        metrics.set_meter_provider(provider)
        observe_instances(provider.get_meter("telemetry"))

    def gauges(self) -> dict[str, Any]:
        """Return the last value by name and database."""
        found = {}
        for metric in self._metrics():
            for point in metric.data.data_points:
                if hasattr(point, "value"):
                    database = (point.attributes or {}).get("db.namespace", "")
                    found[f"{metric.name} {database}".strip()] = point.value
        return found

    def durations(self) -> dict[str, int]:
        """Return the number of operations by name and class of error."""
        counts: Counter[str] = Counter()
        for metric in self._metrics():
            if metric.name == "db.client.operation.duration":
                for point in metric.data.data_points:
                    known: Any = point.attributes
                    if known["db.namespace"] == "minutes":
                        key = f"{known['datasette.operation']} {known.get('error.type', '')}"
                        counts[key.strip()] += point.count
        return dict(counts)

    def exemplars(self) -> int:
        return sum(
            len(point.exemplars)
            for metric in self._metrics()
            if metric.name == "db.client.operation.duration"
            for point in metric.data.data_points
        )

    def _metrics(self) -> Any:
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                yield from scope.metrics


def make(settings: dict[str, Any]) -> Datasette:
    datasette = Datasette(memory=True, settings=settings)
    datasette.add_memory_database("minutes")
    return datasette


async def levels(measured: MeasuredDatasettes) -> dict[str, Any]:
    """Read the gauges of three Datasettes, the first of which is busy; then without the last."""
    kept = [make(settings) for settings in (FIRST, FIRST, {"num_sql_threads": 3})]
    databases = [datasette.get_database("minutes") for datasette in kept]
    go = threading.Event()
    begun = threading.Semaphore(0)

    def busy_until_released(_connection: object) -> None:
        begun.release()
        go.wait()

    reads = [asyncio.ensure_future(databases[0].execute_fn(busy_until_released)) for _ in range(5)]
    reads.append(asyncio.ensure_future(databases[1].execute_fn(busy_until_released)))
    writes = [
        asyncio.ensure_future(databases[0].execute_write_fn(busy_until_released)) for _ in range(4)
    ]
    # Two reads run on the first Datasette and one on the second, and one write. The others wait.
    for _ in range(4):
        await asyncio.to_thread(begun.acquire)
    busy = measured.gauges()
    truth = sum(len(database._all_connections) for database in databases)
    go.set()
    await asyncio.gather(*reads, *writes)
    idle = measured.gauges()
    last: Any = kept.pop()
    last.close()
    databases.pop()
    return {
        "busy": busy,
        "open connections while busy": truth,
        "idle": idle,
        "without the last": measured.gauges(),
    }


async def failures(measured: MeasuredDatasettes) -> dict[str, Any]:
    """Run queries that succeed, that fail in expected ways, and that fail in others."""
    database = make(FIRST).get_database("minutes")

    def fail(_connection: object) -> None:
        raise LookupError("no minutes")

    calls: tuple[Any, ...] = (
        lambda: database.execute("select 1"),
        lambda: database.execute("select nothing", log_sql_errors=False),
        lambda: database.execute(SLOW, custom_time_limit=5),
        lambda: database.execute("select nothing"),
        lambda: database.execute(SLOW),
        lambda: database.execute_fn(fail),
        lambda: database.execute_write_fn(fail),
    )
    for call in calls:
        with suppress(Exception):
            await call()
    return {"durations": measured.durations(), "exemplars": measured.exemplars()}


async def main() -> None:
    failsafe.raise_failures()
    measured = MeasuredDatasettes(sys.argv[1])
    print(json.dumps({"failures": await failures(measured), "levels": await levels(measured)}))


if __name__ == "__main__":
    asyncio.run(main())
