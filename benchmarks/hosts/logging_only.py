"""The host with nothing configured: it logs, and nothing is sent."""

from benchmarks.hosts.control import with_control
from config.asgi import application as host

application = with_control(host)
