"""Where each setting came from: the variables that decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.settings import passed_on
from telemetry.settings import variables as v
from telemetry.settings.read import read_all
from telemetry.settings.reader import Reader
from telemetry.settings.variable import declared

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIXES = ("OTEL_", "LOGFIRE_", "SENTRY_", "TELEMETRY_")


def sources(environ: Mapping[str, str], service_name: str | None) -> dict[str, tuple[str, ...]]:
    """By field of `Settings`, the variables that it came from; none where it is the default.

    Of two variables that say the same, it is the one that takes precedence.

    Raises:
        ConfigurationError: as `read_settings` does.
    """
    reader = Reader(environ)
    read_all(reader, service_name)
    return {name: tuple(sorted(names)) for name, names in reader.origins.items()}


def unused(environ: Mapping[str, str], found: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Variables that look like ours and change nothing: they say the default, or are the SDK's."""
    used = {name for names in found.values() for name in names}
    known = {str(variable) for variable in declared(v, passed_on)}
    return sorted(
        name
        for name, value in environ.items()
        if value.strip() and name not in used and (name in known or name.startswith(_PREFIXES))
    )
