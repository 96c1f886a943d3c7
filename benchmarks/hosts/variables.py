"""How a host under test is told where to send.

Names of the benchmark's own: under the standard ones the host's telemetry would
configure itself, and a peer's figures would be the peer's and ours together.
"""

RECEIVER = "BENCHMARK_RECEIVER"
SENTRY_SINK = "BENCHMARK_SENTRY_SINK"
