"""The host's own application, with a Datasette plugin added."""

from datasette.plugins import pm

from config.asgi import application

from . import datasette_plugin

__all__ = ["application"]

pm.register(datasette_plugin)
