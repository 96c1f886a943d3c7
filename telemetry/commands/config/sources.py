"""Where each setting came from: the variables without which it would be another."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from telemetry.exceptions import ConfigurationError
from telemetry.registry.names import Variable, entries
from telemetry.settings import Settings, read_settings
from telemetry.settings import variables as v

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIXES = ("OTEL_", "LOGFIRE_", "SENTRY_", "TELEMETRY_")


def sources(environ: Mapping[str, str], service_name: str | None) -> dict[str, tuple[str, ...]]:
    """By field of `Settings`, the variables that it came from; none where it is the default.

    Found by reading again without each: what then is another came from it. So
    nothing has to be kept in step with how variables take precedence.

    Raises:
        ConfigurationError: as `read_settings` does.
    """
    told = read_settings(environ, default_service_name=service_name)
    found: dict[str, list[str]] = {}
    for name in _candidates(environ):
        rest = {other: value for other, value in environ.items() if other != name}
        try:
            without = read_settings(rest, default_service_name=service_name)
        except ConfigurationError:
            # It is half of something, of which the other half can't stand alone.
            continue
        for field in fields(Settings):
            if _value(told, field.name) != _value(without, field.name):
                found.setdefault(field.name, []).append(name)
    found.pop("notes", None)
    return {name: tuple(names) for name, names in found.items()}


def _value(settings: Settings, name: str) -> Any:
    # The secrets among all variables are of whichever those are.
    return settings.redaction.kinds if name == "redaction" else getattr(settings, name)


def unused(environ: Mapping[str, str], found: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Variables that look like ours and change nothing: they say the default, or are the SDK's."""
    used = {name for names in found.values() for name in names}
    return [name for name in _candidates(environ) if name not in used]


def _candidates(environ: Mapping[str, str]) -> list[str]:
    known = {str(variable) for variable in entries(v, Variable)}
    return sorted(
        name
        for name, value in environ.items()
        if value.strip() and (name in known or name.startswith(_PREFIXES))
    )
