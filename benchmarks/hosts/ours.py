"""The host as in production. Variables set its destinations."""

from benchmarks.hosts.control import with_control
from benchmarks.hosts.flushing import flush_items
from config.asgi import application as observed

application = with_control(observed, flush_items)
