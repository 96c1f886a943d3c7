"""Variables that set where a host under test sends its data.

Not the standard names: with those the host's telemetry would configure itself, and
be included in the figures of another setup.
"""

RECEIVER = "BENCHMARK_RECEIVER"
SENTRY_SINK = "BENCHMARK_SENTRY_SINK"
