"""Distro and configurator for ``opentelemetry-instrument``.

The SDK's configurator does not support telemetry's exporters, rejects some forms
of values that telemetry accepts, and ignores a sampler's error. This one calls
`telemetry.configure()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]

from telemetry.configuration import configure

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# Contrib's instrumentors that the edge, the instrumentors, the metrics and the log bridge of
# telemetry replace. `sqlite3` would trace each query twice: Datasette traces its SQL.
REPLACED = frozenset({"asgi", "django", "logging", "sqlite3", "system_metrics"})
OURS = frozenset({"corkboard_datasette", "corkboard_django"})


class Distro(BaseDistro):  # type: ignore[misc] # contrib is untyped
    """Loads the instrumentors of other packages. The host instruments Django and Datasette."""

    def _configure(self, **kwargs: Any) -> None:
        """Set no variables: `telemetry.configure()` has the defaults."""

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load one instrumentor, unless telemetry replaces it or the host calls it.

        This runs before the host's code, when Django's settings can't be imported yet.
        The host calls ``telemetry.instrument()`` when they can.
        """
        if entry_point.name in REPLACED | OURS:
            return
        super().load_instrumentor(entry_point, **kwargs)


class Configurator:
    """Calls `telemetry.configure()`. The host's later call only sets the service name."""

    def configure(self, **kwargs: Any) -> None:
        """Configure from ``os.environ``."""
        configure()
