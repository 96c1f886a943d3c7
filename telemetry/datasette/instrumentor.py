"""The Datasette instrumentor.

Datasette traces itself since 1.0a41, and telemetry's providers adapt what it emits.
Older releases get the same spans and metrics here. What Datasette prints is patched.
A plugin reports the exceptions that Datasette turns into error pages.
"""

from __future__ import annotations

import importlib.metadata
import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)

from telemetry import private_api
from telemetry.datasette import backport
from telemetry.datasette.output import (
    quiet_datasette_errors,
    quiet_datasette_facets,
    quiet_datasette_propagation,
    quiet_datasette_statements,
)
from telemetry.datasette.request_errors import is_caused_by_request
from telemetry.errors import failures
from telemetry.settings import variables as v

if TYPE_CHECKING:
    from collections.abc import Collection

logger = logging.getLogger("telemetry")


class DatasetteInstrumentor(BaseInstrumentor):  # type: ignore[misc] # contrib is untyped
    """Stops Datasette printing cookies and SQL, and registers the plugin that reports errors."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """The supported releases of Datasette."""
        return ("datasette >= 1.0a28",)

    def _instrument(self, **kwargs: Any) -> None:
        from datasette.plugins import pm

        quiet_datasette_errors()
        quiet_datasette_statements()
        quiet_datasette_facets()
        if backport.has_own_telemetry():
            quiet_datasette_propagation()
        # They are used in requests. Looked up here, so that a warning about a
        # missing name is logged at start-up.
        private_api.get(private_api.DATASETTE_CLIENT)
        private_api.get(private_api.DATASETTE_TRACEBACK)

        from telemetry.datasette import plugin as datasette_plugin

        if not pm.is_registered(datasette_plugin):
            pm.register(datasette_plugin)
        failures.find_causes_with(is_caused_by_request)
        if not backport.has_own_telemetry():
            self._add_telemetry(
                recording=kwargs.get("recording", True), queries=kwargs.get("queries", True)
            )

    def _add_telemetry(self, *, recording: bool, queries: bool) -> None:
        version = importlib.metadata.version("datasette")
        backport.add_telemetry(version, queries=recording and queries)
        if not recording:
            return
        recorded = "requests, queries and their durations are recorded by this package"
        if not queries:
            recorded = "requests are recorded by this package, and queries are not, as "
            recorded += f"{v.DATASETTE_QUERIES}=false asks for"
        logger.warning(
            "Datasette %s has no telemetry of its own: %s; metrics of Datasette's threads, "
            "queues and connections need 1.0a41 or newer",
            version,
            recorded,
        )

    def _uninstrument(self, **kwargs: Any) -> None:
        """Unregister the plugin, and restore the methods. Datasette's printing stays off."""
        from datasette.plugins import pm

        from telemetry.datasette import plugin as datasette_plugin

        if pm.is_registered(datasette_plugin):
            pm.unregister(datasette_plugin)
        failures.find_causes_with(None)
        if not backport.has_own_telemetry():
            backport.remove_telemetry()
