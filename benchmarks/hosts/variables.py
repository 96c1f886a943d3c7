"""Variables that set where a host under test sends its data, and what it contains.

Not the standard names: with those the host's telemetry would configure itself, and
be included in the figures of another setup.
"""

RECEIVER = "BENCHMARK_RECEIVER"
SENTRY_SINK = "BENCHMARK_SENTRY_SINK"
# Whether the host that counts instructions contains telemetry, its library, and whether it counts
# Python's instructions by function instead.
OBSERVED = "BENCHMARK_OBSERVED"
LIBRARY = "BENCHMARK_LIBRARY"
OPCODES = "BENCHMARK_OPCODES"
# Path of the trivial application in that host.
TRIVIAL = "/trivial/"
# Number of turns of a loop that slows each of its requests down.
PLANTED = "BENCHMARK_PLANTED"
