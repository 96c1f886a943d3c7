"""The host without telemetry, as the baseline of the comparison."""

from benchmarks.hosts.control import with_control
from benchmarks.hosts.root import build

application = with_control(build())
