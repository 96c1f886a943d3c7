"""The names on the wire, as literals: a shared constant can't catch a rename.

Changing one breaks somebody's dashboard. It needs an "Upgrade" line in the
change log, and then this file.
"""

from __future__ import annotations

from telemetry.registry import attributes, events, log_fields, metrics, process_metrics, spans
from telemetry.registry.names import Attribute, MetricName, SpanName, entries


def test_attributes() -> None:
    """Standard ones by OpenTelemetry's names, our own under `corkboard.`."""
    assert [str(entry) for entry in entries(attributes, Attribute)] == [
        "corkboard.site",
        "corkboard.outcome",
        "corkboard.cause",
        "corkboard.client.wait_time",
        "corkboard.error.event_ids",
        "corkboard.error.url",
        "datasette.internal_client",
        "corkboard.destinations",
        "logfire.span_type",
        "logfire.msg",
        "logfire.level_num",
        "client.address",
        "corkboard.queries.count",
        "corkboard.queries.execution_time",
        "corkboard.queries.wait_time",
        "corkboard.queries.max_execution_time",
        "corkboard.queries.max_wait_time",
        "corkboard.queries.rows",
        "corkboard.queries.suppressed",
        "corkboard.queries.interrupted",
        "corkboard.queries.databases",
        "corkboard.queries.databases.count",
        "corkboard.queries.databases.execution_time",
        "corkboard.queries.statements",
        "corkboard.queries.statements.count",
        "corkboard.queries.statements.execution_time",
        "corkboard.queries.statements.max_execution_time",
        "corkboard.queries.repeated",
        "corkboard.queries.repeated.count",
        "corkboard.spans.dropped",
        "corkboard.spans.left_out",
        "corkboard.limit",
        "corkboard.signal",
        "corkboard.exporter",
        "corkboard.export.outcome",
        "corkboard.component",
        "http.request.method",
        "http.request.method_original",
        "http.response.status_code",
        "corkboard.status_class",
        "http.route",
        "error.type",
        "url.path",
        "url.query",
        "url.scheme",
        "server.address",
        "server.port",
        "network.protocol.version",
        "user_agent.synthetic.type",
        "user_agent.original",
        "code.function.name",
        "db.system.name",
        "db.response.status_code",
        "service.name",
        "service.version",
        "service.instance.id",
        "deployment.environment.name",
    ]


def test_outcomes() -> None:
    """The closed set that alerts are written against."""
    assert set(attributes.OUTCOME.values or ()) == {
        "served",
        "unknown_site",
        "disconnected",
        "error",
    }


def test_log_fields() -> None:
    """What queries in Loki are made of; `extra` comes under its own names."""
    assert [str(entry) for entry in entries(log_fields, Attribute)] == [
        "time",
        "level",
        "logger",
        "message",
        "trace_id",
        "span_id",
        "trace_flags",
        "corkboard.site",
        "http.route",
        "service.version",
        "exception.type",
        "exception.message",
        "exception.stacktrace",
        "throttled",
        "http.request.method",
        "url.path",
        "http.response.status_code",
        "duration_ms",
        "http.response.body.size",
        "corkboard.outcome",
        "trace_kept",
        "client.address",
        "user_agent.original",
    ]


def test_metrics() -> None:
    """Name, instrument and unit: a backend makes `_seconds_bucket` of them."""
    assert [(str(m), m.instrument, m.unit) for m in entries(metrics, MetricName)] == [
        ("http.server.request.duration", "histogram", "s"),
        ("http.server.request.body.size", "histogram", "By"),
        ("http.server.response.body.size", "histogram", "By"),
        ("corkboard.site.request.duration", "histogram", "s"),
        ("http.server.active_requests", "updowncounter", "{request}"),
    ]
    assert [(str(m), m.instrument, m.unit) for m in entries(process_metrics, MetricName)] == [
        ("corkboard.eventloop.delay", "histogram", "s"),
        ("corkboard.datasette.instances", "observableupdowncounter", "{instance}"),
        ("corkboard.datasette.startup.duration", "histogram", "s"),
        ("corkboard.datasette.evictions", "counter", "{instance}"),
        ("corkboard.telemetry.exported", "observablecounter", "{item}"),
        ("corkboard.telemetry.export.retries", "observablecounter", "{retry}"),
        ("corkboard.telemetry.spooled", "observablecounter", "{item}"),
        ("corkboard.telemetry.spans.folded", "observablecounter", "{span}"),
        ("corkboard.telemetry.spans.sampled_out", "observablecounter", "{span}"),
        ("corkboard.telemetry.left_out", "observablecounter", "{item}"),
        ("corkboard.telemetry.spans.dropped", "observablecounter", "{span}"),
        ("corkboard.telemetry.failures", "observablecounter", "{failure}"),
        ("corkboard.telemetry.checks", "counter", "{check}"),
    ]
    assert metrics.REQUEST_DURATION.buckets == (
        *(0.005, 0.01, 0.025, 0.05, 0.075),
        *(0.1, 0.25, 0.5, 0.75),
        *(1, 2.5, 5, 7.5, 10),
    )


def test_spans() -> None:
    """Template and kind."""
    assert [(str(span), span.kind) for span in entries(spans, SpanName)] == [
        ("{http.request.method} {http.route}", "SERVER"),
        ("datasette.client {http.request.method} {http.route}", "INTERNAL"),
        ("telemetry check", "INTERNAL"),
    ]


def test_error_events() -> None:
    """Tags that saved searches are made of, and contexts."""
    assert [str(entry) for entry in entries(events, Attribute)] == [
        "corkboard.site",
        "http.route",
        "corkboard.cause",
        "left_out",
        "events",
        "trace.sampled",
        "caught.by",
        "shortened",
        "parts",
        "bytes",
        "links",
        "trace",
    ]
