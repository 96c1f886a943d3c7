"""Every metric of the process that this layer records: loop, Datasettes, telemetry itself."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import MetricName

STARTUP_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
LOOP_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

LOOP_DELAY = MetricName(
    "corkboard.eventloop.delay",
    "How much later than it asked to be something was run by the event loop, four times a second.",
    instrument="histogram",
    unit="s",
    attributes=(),
    buckets=LOOP_BUCKETS,
)
DATASETTES = MetricName(
    "corkboard.datasette.instances",
    "Number of Datasettes that this process holds.",
    instrument="observableupdowncounter",
    unit="{instance}",
    attributes=(),
)
STARTUP_DURATION = MetricName(
    "corkboard.datasette.startup.duration",
    "How long a site's Datasette took to start. Recorded by this host.",
    instrument="histogram",
    unit="s",
    attributes=(a.ERROR_TYPE,),
    buckets=STARTUP_BUCKETS,
)
EVICTIONS = MetricName(
    "corkboard.datasette.evictions",
    "Number of Datasettes that made way for another site's. Recorded by this host.",
    instrument="counter",
    unit="{instance}",
    attributes=(),
)
EXPORTED = MetricName(
    "corkboard.telemetry.exported",
    "Number of spans and log records that an exporter was given, by what became of them.",
    instrument="observablecounter",
    unit="{item}",
    attributes=(a.SIGNAL, a.EXPORTER, a.EXPORT_OUTCOME),
)
RETRIES = MetricName(
    "corkboard.telemetry.export.retries",
    "Number of times that a batch was sent again, since it hadn't arrived. OTLP only.",
    instrument="observablecounter",
    unit="{retry}",
    attributes=(a.SIGNAL, a.EXPORTER),
)
FOLDED = MetricName(
    "corkboard.telemetry.spans.folded",
    "Number of spans of queries that became a part of an account.",
    instrument="observablecounter",
    unit="{span}",
    attributes=(),
)
SAMPLED_AWAY = MetricName(
    "corkboard.telemetry.spans.sampled_away",
    "Number of spans of traces that the sampler `tail` decided against.",
    instrument="observablecounter",
    unit="{span}",
    attributes=(),
)
NO_ROOM = MetricName(
    "corkboard.telemetry.spans.dropped",
    "Number of spans that the sampler `tail` had no room for.",
    instrument="observablecounter",
    unit="{span}",
    attributes=(),
)
FAILURES = MetricName(
    "corkboard.telemetry.failures",
    "Number of times that telemetry itself failed and the page was served all the same.",
    instrument="observablecounter",
    unit="{failure}",
    attributes=(a.PLACE,),
)
CHECKS = MetricName(
    "corkboard.telemetry.checks",
    "Number of times that `python -m telemetry check` was run: always 1.",
    instrument="counter",
    unit="{check}",
    attributes=(),
)
