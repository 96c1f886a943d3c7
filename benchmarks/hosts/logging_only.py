"""The host with nothing configured: it writes log lines and sends nothing."""

from benchmarks.hosts.control import with_control
from config.asgi import application as host

application = with_control(host)
