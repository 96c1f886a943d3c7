"""Origin of each setting: the variables that gave it its value."""

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
    """Return variables by field of `Settings`. A field with its default value has none.

    If two variables have the same value, the one that takes precedence is returned.

    Raises:
        ConfigurationError: As `read_settings` does.
    """
    reader = Reader(environ)
    read_all(reader, service_name)
    return {name: tuple(sorted(names)) for name, names in reader.origins.items()}


def unused(environ: Mapping[str, str], found: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return variables with our names or prefixes that have no effect.

    They have the default value, or are read by the SDK.
    """
    used = {name for names in found.values() for name in names}
    known = {str(variable) for variable in declared(v, passed_on)}
    return sorted(
        name
        for name, value in environ.items()
        if value.strip() and name not in used and (name in known or name.startswith(_PREFIXES))
    )
