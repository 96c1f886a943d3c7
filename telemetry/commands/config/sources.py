"""Where each setting came from: the variables without which it would be another."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.exceptions import ConfigurationError
from telemetry.registry.names import Variable, entries
from telemetry.settings import Settings
from telemetry.settings import variables as v
from telemetry.settings.read import read_by
from telemetry.settings.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIXES = ("OTEL_", "LOGFIRE_", "SENTRY_", "TELEMETRY_")


def sources(environ: Mapping[str, str], service_name: str | None) -> dict[str, tuple[str, ...]]:
    """By field of `Settings`, the variables that it came from; none where it is the default.

    Found by reading again without each: what then is another came from it. So
    nothing has to be kept in step with how variables take precedence. Of
    several that say the same, the reader knows which it took.

    Raises:
        ConfigurationError: as `read_settings` does.
    """
    found: dict[str, list[str]] = {}
    whole = _read(environ, service_name)
    for name in _candidates(environ):
        for field in _decided_by(name, environ, whole, service_name):
            found.setdefault(field, []).append(name)
    found.pop("notes", None)
    return {name: tuple(names) for name, names in found.items()}


def _decided_by(
    name: str, environ: Mapping[str, str], told: _Told, service_name: str | None
) -> set[str]:
    decided: set[str] = set()
    while True:
        rest = {other: value for other, value in environ.items() if other != name}
        try:
            without = _read(rest, service_name)
        except ConfigurationError:
            # It is half of something, of which the other half can't stand alone.
            return decided
        decided |= {
            field.name
            for field in fields(Settings)
            if _value(told.settings, field.name) != _value(without.settings, field.name)
        }
        # Those that come next: if they say the same, what this one decides is seen without them.
        next_ones = {
            without.suppliers[asked]
            for asked, had in told.suppliers.items()
            if had == name and asked in without.suppliers
        }
        # RELEASE_FILE's default has a value, too, and isn't there to be taken out.
        if environ.keys().isdisjoint(next_ones):
            return decided
        environ = {other: value for other, value in environ.items() if other not in next_ones}
        try:
            told = _read(environ, service_name)
        except ConfigurationError:
            return decided


class _Told(NamedTuple):
    settings: Settings
    suppliers: Mapping[tuple[str, ...], str]


def _read(environ: Mapping[str, str], service_name: str | None) -> _Told:
    reader = Reader(environ)
    return _Told(read_by(reader, default_service_name=service_name), reader.suppliers)


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
