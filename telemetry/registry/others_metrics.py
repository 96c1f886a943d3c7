"""Metrics of other packages that are exported: Datasette's, contrib's of the process, the SDK's."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import Attribute, MetricName

# Datasette's own; the SDK's defaults are meant for milliseconds.
QUERY_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
EXPORT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10)

_DATABASE = Attribute("db.namespace", "Name of the database.")
_OPERATION = Attribute("datasette.operation", "`read` or `write`.")
COMPONENT_NAME = Attribute(
    "otel.component.name", "Name of the SDK component, unique in the process."
)
COMPONENT_TYPE = Attribute("otel.component.type", "Type of the SDK component.")
EXPORTER_ADDRESS = Attribute("server.address", "Host of the exporter's endpoint.")
EXPORTER_PORT = Attribute("server.port", "Port of the exporter's endpoint.")
EXPORTER_STATUS = Attribute(
    "http.response.status_code", "Status code of the last response, if the export failed."
)
EXPORTER_RPC_STATUS = Attribute(
    "rpc.response.status_code", "gRPC status code of the last response, if the export failed."
)
_COMPONENT = (COMPONENT_NAME, COMPONENT_TYPE)
_EXPORTER = (
    *_COMPONENT,
    EXPORTER_ADDRESS,
    EXPORTER_PORT,
    EXPORTER_STATUS,
    EXPORTER_RPC_STATUS,
    a.ERROR_TYPE,
)


def _metric(
    name: str,
    instrument: str,
    unit: str,
    meaning: str,
    *attributes: Attribute,
    buckets: tuple[float, ...] | None = None,
) -> MetricName:
    return MetricName(
        name, meaning, instrument=instrument, unit=unit, attributes=attributes, buckets=buckets
    )


QUERIES = _metric(
    "db.client.operation.duration",
    "histogram",
    "s",
    "Duration of Datasette's SQL operations. An error that Datasette expected has no `error.type`.",
    *(a.SITE, _DATABASE, _OPERATION, a.DB_SYSTEM_NAME, a.ERROR_TYPE),
    buckets=QUERY_BUCKETS,
)
EXPORTS = _metric(
    "otel.sdk.exporter.operation.duration",
    "histogram",
    "s",
    "Duration of an export, retries included.",
    *_EXPORTER,
    buckets=EXPORT_BUCKETS,
)
COLLECTIONS = _metric(
    "otel.sdk.metric_reader.collection.duration",
    "histogram",
    "s",
    "Duration of a collection of metrics.",
    *(*_COMPONENT, a.ERROR_TYPE),
    buckets=EXPORT_BUCKETS,
)

WRITE_WAITS = _metric(
    "datasette.write.queue_wait",
    "histogram",
    "s",
    "Time that a write waited for earlier writes.",
    *(a.SITE, _DATABASE),
    buckets=QUERY_BUCKETS,
)
INTERRUPTIONS = _metric(
    "datasette.sql.queries.interrupted",
    "counter",
    "{query}",
    "Number of queries that reached Datasette's time limit. Limits that the caller "
    "set don't count.",
    *(a.SITE, _DATABASE),
)

OTHERS = (
    QUERIES,
    WRITE_WAITS,
    INTERRUPTIONS,
    _metric(
        "datasette.sql.threads.limit",
        "observablegauge",
        "{thread}",
        "Number of query threads, summed over the Datasette instances of the process.",
    ),
    _metric(
        "datasette.sql.threads.queue_depth",
        "observablegauge",
        "{query}",
        "Number of queries that wait for a thread, summed over the Datasette instances of"
        " the process.",
    ),
    _metric(
        "datasette.sql.queries.pending",
        "observablegauge",
        "{query}",
        "Number of queries that wait or run, summed over the Datasette instances of the process.",
        _DATABASE,
    ),
    _metric(
        "datasette.write.queue_depth",
        "observablegauge",
        "{write}",
        "Number of writes that wait, summed over the Datasette instances of the process.",
        _DATABASE,
    ),
    _metric(
        "datasette.connections.open",
        "observablegauge",
        "{connection}",
        "Number of open connections, summed over the Datasette instances of the process.",
        _DATABASE,
    ),
    _metric(
        "process.cpu.time",
        "observablecounter",
        "s",
        "CPU time of the process.",
        Attribute("type", "`user` or `system`."),
    ),
    _metric(
        "process.memory.usage", "observableupdowncounter", "By", "Resident memory of the process."
    ),
    _metric(
        "process.thread.count", "observableupdowncounter", "", "Number of threads of the process."
    ),
    _metric(
        "process.open_file_descriptor.count",
        "observableupdowncounter",
        "",
        "Number of open file descriptors of the process.",
    ),
    _metric(
        "cpython.gc.collections",
        "observablecounter",
        "{collection}",
        "Number of garbage collections.",
        *(
            Attribute("cpython.gc.generation", "Generation of the collected objects, 0 to 2."),
            Attribute("generation", "Generation of the collected objects, 0 to 2."),
        ),
    ),
    *(
        metric
        for items, kind, unit in (("spans", "span", "{span}"), ("records", "log", "{log_record}"))
        for metric in (
            _metric(
                f"otel.sdk.processor.{kind}.processed",
                "counter",
                unit,
                f"Number of processed {items}. With `error.type`, they were dropped.",
                *(*_COMPONENT, a.ERROR_TYPE),
            ),
            _metric(
                f"otel.sdk.processor.{kind}.queue.capacity",
                "updowncounter",
                unit,
                f"Capacity of the queue of {items}.",
                *_COMPONENT,
            ),
            _metric(
                f"otel.sdk.processor.{kind}.queue.size",
                "observableupdowncounter",
                f"{{{kind}}}",
                f"Number of {items} in the queue.",
                *_COMPONENT,
            ),
        )
    ),
    *(
        metric
        for items, kind, unit in (
            ("spans", "span", "{span}"),
            ("records", "log", "{log_record}"),
            ("data points", "metric_data_point", "{data_point}"),
        )
        for metric in (
            _metric(
                f"otel.sdk.exporter.{kind}.exported",
                "counter",
                unit,
                f"Number of exported {items}. With `error.type`, the export failed.",
                *_EXPORTER,
            ),
            _metric(
                f"otel.sdk.exporter.{kind}.inflight",
                "updowncounter",
                unit,
                f"Number of {items} that are being exported.",
                *_EXPORTER,
            ),
        )
    ),
    EXPORTS,
    COLLECTIONS,
)


_BY_NAME = {str(metric): metric for metric in OTHERS}


def sdk_metric(name: str) -> MetricName:
    """Return the registered metric of that name.

    Raises:
        KeyError: if there is none.
    """
    return _BY_NAME[name]
