"""Which exporters each signal uses: what was asked for, else what the rest implies."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from telemetry.settings import parse
from telemetry.settings import variables as v
from telemetry.settings.model import SIGNALS, Signal

if TYPE_CHECKING:
    from telemetry.registry.names import Variable
    from telemetry.settings.reader import Reader

BUILT_IN = ("console", "logfire", "none", "otlp")
# Of metrics alone.
SCRAPED = ("prometheus",)

SELECTORS: dict[Signal, Variable] = {
    "traces": v.TRACES_EXPORTER,
    "metrics": v.METRICS_EXPORTER,
    "logs": v.LOGS_EXPORTER,
}


def choose_exporters(reader: Reader, *, debug: bool) -> dict[Signal, tuple[str, ...]]:
    """Exporter names by signal. An unknown name is a problem that lists the known."""
    return {signal: _chosen(reader, signal, debug=debug) for signal in SIGNALS}


def installed_exporters(signal: Signal) -> dict[str, metadata.EntryPoint]:
    """Exporters that other packages offer under OpenTelemetry's entry points.

    Ours are left out: they are reached by their plain names.
    """
    points = metadata.entry_points(group=f"opentelemetry_{signal}_exporter")
    return {
        point.name: point
        for point in points
        if point.name not in _built_in(signal) and not point.name.startswith("corkboard_")
    }


def _built_in(signal: Signal) -> tuple[str, ...]:
    return (*BUILT_IN, *SCRAPED) if signal == "metrics" else BUILT_IN


def _chosen(reader: Reader, signal: Signal, *, debug: bool) -> tuple[str, ...]:
    variable = SELECTORS[signal]
    given = reader.text(variable)
    if given is None:
        return _implied(reader, signal, debug=debug)
    names = parse.names(given)
    built_in = _built_in(signal)
    unknown = [name for name in names if name not in built_in]
    if unknown:
        installed = installed_exporters(signal)
        unknown = [name for name in unknown if name not in installed]
        if unknown:
            known = ", ".join(sorted({*built_in, *installed}))
            reader.problem(variable, given, f"a comma list of {known} (not {', '.join(unknown)})")
    if "none" in names and len(names) > 1:
        reader.notes.append(f"{variable}={given}: 'none' beside others changes nothing")
    return tuple(name for name in names if name != "none")


def _implied(reader: Reader, signal: Signal, *, debug: bool) -> tuple[str, ...]:
    endpoint = reader.text(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", v.OTLP_ENDPOINT)
    otlp = ("otlp",) if endpoint else ()
    send = (reader.text(v.LOGFIRE_SEND) or "if-token-present").lower()
    token = reader.text(v.LOGFIRE_TOKEN)
    if debug:
        # A token in a developer's shell must not send their every page to
        # production's project; saying so outright is another matter.
        wanted = send in parse.TRUE
        return ("console", *(("logfire",) if token and wanted else ()), *otlp)
    return (*(("logfire",) if token and send not in parse.FALSE else ()), *otlp)
