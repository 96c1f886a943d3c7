"""Chooses the exporters of each signal: those that a variable names, otherwise the implied ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.settings import variables as v
from telemetry.settings.model import SIGNALS, Signal

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader


def choose_exporters(reader: Reader) -> dict[Signal, tuple[str, ...]]:
    """Return exporter names by signal. An unknown name is a problem that lists the known ones."""
    with reader.setting("exporters"):
        return {signal: _chosen(reader, signal) for signal in SIGNALS}


def _chosen(reader: Reader, signal: Signal) -> tuple[str, ...]:
    variable = v.EXPORTERS[signal]
    with reader.aside():
        named, implied = reader.get(variable), _implied(reader, signal)
    if named is not None and "none" in named:
        if len(named) > 1:
            given = reader.environ[variable].strip()
            reader.notes.append(f"{variable}={given}: 'none' beside others changes nothing")
        named = tuple(name for name in named if name != "none")
    if named is None or named == implied:
        return _implied(reader, signal)
    reader.took(variable)
    return named


def _implied(reader: Reader, signal: Signal) -> tuple[str, ...]:
    endpoint = reader.text(v.OTLP_ENDPOINT.form(signal), v.OTLP_ENDPOINT)
    otlp = ("otlp",) if endpoint else ()
    logfire = ("logfire",) if _sends_to_logfire(reader) else ()
    return ("console", *logfire, *otlp) if reader.debug else (*logfire, *otlp)


def _sends_to_logfire(reader: Reader) -> bool:
    if reader.given(v.LOGFIRE_TOKEN) is None:
        return False
    send = reader.get(v.LOGFIRE_SEND)
    # Under DEBUG, a token in a developer's shell must not send every page to the project
    # of production. LOGFIRE_SEND_TO_LOGFIRE set explicitly takes precedence.
    if send is False or (reader.debug and not send):
        return False
    reader.took(v.LOGFIRE_TOKEN)
    return True
