"""The host with nothing configured: what the others are compared with."""

from benchmarks.hosts.control import with_control
from config.asgi import application as bare

application = with_control(bare)
