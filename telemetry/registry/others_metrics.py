"""Metrics of others that are sent: Datasette's, the process's by contrib, the SDK's of itself."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import Attribute, MetricName

# Datasette's own; the SDK's defaults are meant for milliseconds.
QUERY_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
EXPORT_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10)

_DATABASE = Attribute("db.namespace", "The database's name.")
_OPERATION = Attribute("datasette.operation", "`read` or `write`.")
_COMPONENT = (
    Attribute("otel.component.name", "Which of its kind."),
    Attribute("otel.component.type", "An exporter, a processor or a reader."),
)
_EXPORTER = (
    *_COMPONENT,
    Attribute("server.address", "The exporter's."),
    Attribute("server.port", "The exporter's."),
    Attribute("http.response.status_code", "The last answer's, where it was refused."),
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
    "Duration of Datasette's SQL operations; what it expected to fail has no `error.type`.",
    *(a.SITE, _DATABASE, _OPERATION, a.DB_SYSTEM_NAME, a.ERROR_TYPE),
    buckets=QUERY_BUCKETS,
)
EXPORTS = _metric(
    "otel.sdk.exporter.operation.duration",
    "histogram",
    "s",
    "Duration of one export, retries included.",
    *_EXPORTER,
    buckets=EXPORT_BUCKETS,
)
COLLECTIONS = _metric(
    "otel.sdk.metric_reader.collection.duration",
    "histogram",
    "s",
    "Duration of one collection of metrics.",
    *(*_COMPONENT, a.ERROR_TYPE),
    buckets=EXPORT_BUCKETS,
)

OTHERS = (
    QUERIES,
    _metric(
        "datasette.write.queue_wait",
        "histogram",
        "s",
        "Time that a write waited for those before it.",
        *(a.SITE, _DATABASE),
        buckets=QUERY_BUCKETS,
    ),
    _metric(
        "datasette.sql.queries.interrupted",
        "counter",
        "{query}",
        "Queries that ran into Datasette's time limit, and not into one of their caller's own.",
        *(a.SITE, _DATABASE),
    ),
    _metric(
        "datasette.sql.threads.limit",
        "observablegauge",
        "{thread}",
        "Threads for queries, of all Datasettes of the process.",
    ),
    _metric(
        "datasette.sql.threads.queue_depth",
        "observablegauge",
        "{query}",
        "Queries that wait for one, of all Datasettes of the process.",
    ),
    _metric(
        "datasette.sql.queries.pending",
        "observablegauge",
        "{query}",
        "Queries that wait or run, of all Datasettes of the process.",
        _DATABASE,
    ),
    _metric(
        "datasette.write.queue_depth",
        "observablegauge",
        "{write}",
        "Writes that wait, of all Datasettes of the process.",
        _DATABASE,
    ),
    _metric(
        "datasette.connections.open",
        "observablegauge",
        "{connection}",
        "Open connections, of all Datasettes of the process.",
        _DATABASE,
    ),
    _metric(
        "process.cpu.time",
        "observablecounter",
        "s",
        "CPU time of the process.",
        Attribute("type", "`user` or `system`."),
    ),
    _metric("process.memory.usage", "observableupdowncounter", "By", "Memory that is resident."),
    _metric("process.thread.count", "observableupdowncounter", "", "Threads of the process."),
    _metric(
        "process.open_file_descriptor.count",
        "observableupdowncounter",
        "",
        "Open files and sockets.",
    ),
    _metric(
        "cpython.gc.collections",
        "observablecounter",
        "{collection}",
        "Garbage collections.",
        *(Attribute("cpython.gc.generation", "0 to 2."), Attribute("generation", "The same.")),
    ),
    *(
        metric
        for items, kind, unit in (("spans", "span", "{span}"), ("records", "log", "{log_record}"))
        for metric in (
            _metric(
                f"otel.sdk.processor.{kind}.processed",
                "counter",
                unit,
                f"Queued {items} that were exported, or with `error.type` dropped.",
                *(*_COMPONENT, a.ERROR_TYPE),
            ),
            _metric(
                f"otel.sdk.processor.{kind}.queue.capacity",
                "updowncounter",
                unit,
                f"How many {items} a queue can hold.",
                *_COMPONENT,
            ),
            _metric(
                f"otel.sdk.processor.{kind}.queue.size",
                "observableupdowncounter",
                f"{{{kind}}}",
                f"How many {items} a queue holds.",
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
                f"Number of {items} that were exported, or with `error.type` not.",
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
