"""The failing host, which repeats what it is told besides."""

from __future__ import annotations

from datasette.plugins import pm

from tests.end_to_end.failing.application import application
from tests.end_to_end.private import plugin

__all__ = ["application"]

pm.register(plugin)
