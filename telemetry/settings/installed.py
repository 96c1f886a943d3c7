"""What other packages offer under OpenTelemetry's entry points, and the variables' values by name.

Exporters, samplers and the like are parsed here: which names are known is a question of what is
installed, and is asked only when a variable names one that is not ours or OpenTelemetry's.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from telemetry.settings import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.registry.attributes import Signal

BUILT_IN = ("console", "logfire", "none", "otlp")
# Of metrics alone.
SCRAPED = ("prometheus",)

# Samplers whose argument is a ratio.
RATIO = frozenset({"traceidratio", "parentbased_traceidratio", "tail"})
STANDARD = frozenset(
    {
        "always_on",
        "always_off",
        "parentbased_always_on",
        "parentbased_always_off",
        *RATIO,
    }
)


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


def installed_samplers() -> metadata.EntryPoints:
    """Samplers that other packages offer: factories that take the argument."""
    return metadata.entry_points(group="opentelemetry_traces_sampler")


def installed_id_generators() -> metadata.EntryPoints:
    """Id generators that packages offer: classes that take no argument. AWS X-Ray's, for one."""
    return metadata.entry_points(group="opentelemetry_id_generator")


def exporter_names(signal: Signal) -> Callable[[str], tuple[str, ...]]:
    """Parses a comma list of exporters; the error lists those that are known."""

    def read(value: str) -> tuple[str, ...]:
        names = parse.names(value)
        known = set(_built_in(signal))
        if not known.issuperset(names):
            known |= installed_exporters(signal).keys()
            if not known.issuperset(names):
                raise ValueError(parse.missing(known, names))
        return names

    return read


def sampler_name(value: str) -> str:
    """One of OpenTelemetry's samplers, `tail`, or an installed one."""
    name = value.lower()
    if name not in STANDARD:
        installed = {point.name for point in installed_samplers()}
        if name not in installed:
            raise ValueError(f"one of {', '.join(sorted(STANDARD | installed))}")
    return name


def id_generator(value: str) -> str:
    """The name of an installed id generator."""
    installed = {point.name for point in installed_id_generators()}
    if value not in installed:
        raise ValueError(f"one of {', '.join(sorted(installed))}")
    return value


def propagators(value: str) -> tuple[str, ...]:
    """A comma list of installed propagators, or ``none``.

    The API reads them when it is first imported, and raises a bare ValueError.
    """
    names = parse.items(value)
    points = metadata.entry_points(group="opentelemetry_propagator")
    known = {point.name for point in points} | {"none"}
    if not known.issuperset(names):
        raise ValueError(parse.missing(known, names))
    return names


def _built_in(signal: Signal) -> tuple[str, ...]:
    return (*BUILT_IN, *SCRAPED) if signal == "metrics" else BUILT_IN
