"""Prometheus endpoint for metrics, on a separate port for each worker."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from telemetry.export.prometheus_names import Names
from telemetry.hosts import is_known_host

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from opentelemetry.sdk.metrics.export import MetricsData
    from prometheus_client.core import Metric

    from telemetry.settings.model import PrometheusSettings

logger = logging.getLogger("telemetry")

# Enough for the workers of one machine and for those that are shutting down.
PORTS = 100
# Differs in each process, so that a recycled worker would begin new series. Prometheus
# identifies a worker by its address instead, and a recycled worker reuses a free port.
CHURNING = "service_instance_id"


def metric_reader(settings: PrometheusSettings) -> PrometheusMetricReader:
    """Return a reader that is scraped on the first free port.

    Where no port is free, an error is logged and the metrics are not served.
    """
    own, names = CollectorRegistry(), Names()
    reader = _Reader(own, names)
    served = CollectorRegistry()
    served.register(_Steady(own, names))
    _serve(served, settings)
    return reader


def _serve(registry: CollectorRegistry, settings: PrometheusSettings) -> None:
    last = min(settings.port + PORTS, 65536)
    why: OSError | None = None
    for port in range(settings.port, last):
        try:
            server, _ = start_http_server(port, settings.host, registry)
        except OSError as error:
            why = error
            if error.errno != errno.EADDRINUSE:
                # Another port would fail with the same error.
                break
        else:
            names = {settings.host.lower(), *settings.allowed_hosts}
            server.set_app(_checked(server.get_app(), names))
            logger.info("metrics are scraped at %s/metrics", settings.address(port))
            return
    # Not raised: the application can serve without metrics.
    logger.error(
        "metrics are not scraped: no port of %s from %d to %d could be listened on (%s)",
        settings.host,
        settings.port,
        last - 1,
        why,
    )


def _checked(app: WSGIApplication | None, names: Collection[str]) -> WSGIApplication:
    """An application that answers 421 to a host name that it does not know."""

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if app is not None and is_known_host(environ.get("HTTP_HOST", ""), names):
            return app(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"This host name is not known here: TELEMETRY_PROMETHEUS_ALLOWED_HOSTS adds it.\n"]

    return checked


class _Reader(PrometheusMetricReader):
    """The exporter's reader, with names that stay different."""

    def __init__(self, registry: CollectorRegistry, names: Names) -> None:
        # The scope's labels are of no use in queries, and would be in each of them.
        super().__init__(registry=registry, scope_info_enabled=False)
        self._names = names

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        # None, against its type, where there are no metrics.
        data = self._names.distinct(metrics_data) if metrics_data else metrics_data
        super()._receive_metrics(data, timeout_millis, **kwargs)


class _Steady(Collector):
    """Metrics of another registry, with a `target_info` that is the same in each process."""

    def __init__(self, registry: CollectorRegistry, names: Names) -> None:
        self._registry = registry
        self._names = names

    def collect(self) -> Iterator[Metric]:
        for family in self._names.families(self._registry.collect()):
            if family.name == "target":
                family.samples = [
                    sample._replace(
                        labels={k: v for k, v in sample.labels.items() if k != CHURNING}
                    )
                    for sample in family.samples
                ]
            yield family
