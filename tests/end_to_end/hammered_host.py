"""The host as it is, with one plugin's page more: `/-/rows`, a stream of many queries."""

from datasette.plugins import pm

from config.asgi import application
from tests.config.sites.datasettes.plugins import Rows

pm.register(Rows())

__all__ = ["application"]
