"""Prometheus, which comes for the metrics: each worker listens on a port of its own."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from telemetry.settings.model import PrometheusSettings

logger = logging.getLogger("telemetry")

# Workers of one machine, and those that are on their way out.
PORTS = 100
# A new one for each process: a worker that is recycled would be another series. Prometheus has
# its own name for it, the address, and a recycled worker takes the one that was left.
CHURNING = "service_instance_id"


def metric_reader(settings: PrometheusSettings) -> PrometheusMetricReader:
    """A reader that is scraped on the first free port. Where none is, it says so and is not."""
    own = CollectorRegistry()
    # What a metric was recorded by is not what anybody asks for, and is in every query's way.
    reader = PrometheusMetricReader(registry=own, scope_info_enabled=False)
    served = CollectorRegistry()
    served.register(_Steady(own))
    _serve(served, settings)
    return reader


def _serve(registry: CollectorRegistry, settings: PrometheusSettings) -> None:
    last = min(settings.port + PORTS, 65536)
    why: OSError | None = None
    for port in range(settings.port, last):
        try:
            start_http_server(port, settings.host, registry)
        except OSError as error:
            why = error
            if error.errno != errno.EADDRINUSE:
                # Another port would not help.
                break
        else:
            logger.info("metrics are scraped at http://%s:%d/metrics", settings.host, port)
            return
    # The site is served all the same.
    logger.error(
        "metrics are not scraped: no port of %s from %d to %d could be listened on (%s)",
        settings.host,
        settings.port,
        last - 1,
        why,
    )


class _Steady(Collector):
    """Another registry's metrics, whose `target_info` does not change with the process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            if family.name == "target":
                family.samples = [
                    sample._replace(
                        labels={k: v for k, v in sample.labels.items() if k != CHURNING}
                    )
                    for sample in family.samples
                ]
            yield family
