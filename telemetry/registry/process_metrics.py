"""Every metric of the process that this package records: event loop, Datasettes, telemetry."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import MetricName

STARTUP_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
LOOP_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)

LOOP_DELAY = MetricName(
    "corkboard.eventloop.delay",
    "Event loop scheduling delay, measured four times a second while requests arrive, and once a "
    "second otherwise.",
    instrument="histogram",
    unit="s",
    attributes=(),
    buckets=LOOP_BUCKETS,
)
DATASETTES = MetricName(
    "corkboard.datasette.instances",
    "Number of Datasette instances in the process.",
    instrument="observableupdowncounter",
    unit="{instance}",
    attributes=(),
)
STARTUP_DURATION = MetricName(
    "corkboard.datasette.startup.duration",
    "Duration of the start of a site's Datasette. Recorded by the host in this repository.",
    instrument="histogram",
    unit="s",
    attributes=(a.ERROR_TYPE,),
    buckets=STARTUP_BUCKETS,
)
EVICTIONS = MetricName(
    "corkboard.datasette.evictions",
    "Number of Datasette instances that were closed to make room for another site's. Recorded by "
    "the host in this repository.",
    instrument="counter",
    unit="{instance}",
    attributes=(),
)
EXPORTED = MetricName(
    "corkboard.telemetry.exported",
    "Number of spans, log records and error events that were exported, by result.",
    instrument="observablecounter",
    unit="{item}",
    attributes=(a.SIGNAL, a.EXPORTER, a.EXPORT_OUTCOME),
)
RETRIES = MetricName(
    "corkboard.telemetry.export.retries",
    "Number of retried export requests, of OTLP and of error events.",
    instrument="observablecounter",
    unit="{retry}",
    attributes=(a.SIGNAL, a.EXPORTER),
)
SPOOLED = MetricName(
    "corkboard.telemetry.spooled",
    "Number of items that were written to disk, to be sent later. With TELEMETRY_SPOOL_DIR.",
    instrument="observablecounter",
    unit="{item}",
    attributes=(a.SIGNAL, a.EXPORTER),
)
FOLDED = MetricName(
    "corkboard.telemetry.spans.folded",
    "Number of query spans that were replaced by query statistics on the local root span.",
    instrument="observablecounter",
    unit="{span}",
    attributes=(),
)
SAMPLED_OUT = MetricName(
    "corkboard.telemetry.spans.sampled_out",
    "Number of spans that the sampler `tail` sampled out.",
    instrument="observablecounter",
    unit="{span}",
    attributes=(),
)
LEFT_OUT = MetricName(
    "corkboard.telemetry.left_out",
    "Number of traces, of spans in kept traces, of error events and of log records that were "
    "left out by a limit for what clients can cause.",
    instrument="observablecounter",
    unit="{item}",
    attributes=(a.LIMIT,),
)
BUFFER_DROPPED = MetricName(
    "corkboard.telemetry.spans.dropped",
    "Number of spans that the sampler `tail` dropped because its buffer was full.",
    instrument="observablecounter",
    unit="{span}",
    attributes=(),
)
FAILURES = MetricName(
    "corkboard.telemetry.failures",
    "Number of internal errors of telemetry. The requests were served.",
    instrument="observablecounter",
    unit="{failure}",
    attributes=(a.COMPONENT,),
)
CHECKS = MetricName(
    "corkboard.telemetry.checks",
    "Number of runs of `python -m telemetry check`. Always 1.",
    instrument="counter",
    unit="{check}",
    attributes=(),
)
