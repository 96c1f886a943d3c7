"""The host without telemetry: what the others are compared with."""

from benchmarks.hosts.control import with_control
from benchmarks.hosts.root import build

application = with_control(build())
