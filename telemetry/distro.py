"""For ``opentelemetry-instrument``: the same host, without a line of its own.

The stock configurator knows neither our exporters nor several of the forms
that ours forgives, and swallows a sampler's error; ours is
`telemetry.configure()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]

from telemetry.configuration import configure

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# What our edge, instrumentors, metrics and log bridge take the place of, and what would say
# every query twice: Datasette traces its own SQL.
REPLACED = frozenset({"asgi", "django", "logging", "sqlite3", "system_metrics"})
OURS = frozenset({"corkboard_datasette", "corkboard_django"})


class Distro(BaseDistro):  # type: ignore[misc] # contrib is untyped
    """Loads other packages' instrumentors, and leaves Django and Datasette to the host."""

    def _configure(self, **kwargs: Any) -> None:
        """Nothing to preset: an unset variable means what `telemetry.configure()` says."""

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load one instrumentor, unless it is ours to place.

        This runs before the host's first line: Django's settings cannot be
        imported yet, and its instrumentor would find none. The host's
        ``telemetry.instrument()`` does it at the right moment.
        """
        if entry_point.name in REPLACED | OURS:
            return
        super().load_instrumentor(entry_point, **kwargs)


class Configurator:
    """Calls `telemetry.configure()`, which the host then finds done."""

    def configure(self, **kwargs: Any) -> None:
        """Configure from ``os.environ``."""
        configure()
