"""The Datasette instrumentor.

Datasette traces itself from 1.0a41 on, and our providers adapt what it emits,
so there is nothing to patch but its error page's output. What it makes error
pages of is told by a plugin of ours.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)

from telemetry import private_api
from telemetry.datasette.output import (
    quiet_datasette_errors,
    quiet_datasette_facets,
    quiet_datasette_statements,
)

if TYPE_CHECKING:
    from collections.abc import Collection

logger = logging.getLogger("telemetry")


class DatasetteInstrumentor(BaseInstrumentor):  # type: ignore[misc] # contrib is untyped
    """Keeps visitors' cookies out of the terminal, and says what Datasette itself can't."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """The releases that this works with."""
        return ("datasette >= 1.0a28",)

    def _instrument(self, **kwargs: Any) -> None:
        from datasette.plugins import pm

        quiet_datasette_errors()
        quiet_datasette_statements()
        quiet_datasette_facets()
        # Used in requests: a warning about a missing one belongs to start-up.
        private_api.get(private_api.DATASETTE_CLIENT)
        private_api.get(private_api.DATASETTE_TRACEBACK)

        from telemetry.datasette import plugin as datasette_plugin

        if not pm.is_registered(datasette_plugin):
            pm.register(datasette_plugin)
        recording = kwargs.get("recording", True)
        if recording and importlib.util.find_spec("datasette.telemetry") is None:
            logger.warning(
                "Datasette %s has no telemetry of its own: requests, sites and metrics are "
                "recorded, queries are not; 1.0a41 and newer have spans for each",
                importlib.metadata.version("datasette"),
            )

    def _uninstrument(self, **kwargs: Any) -> None:
        """Remove the plugin. Nothing else was patched that anybody would want back."""
        from datasette.plugins import pm

        from telemetry.datasette import plugin as datasette_plugin

        if pm.is_registered(datasette_plugin):
            pm.unregister(datasette_plugin)
