"""Parsers of names that installed packages define under OpenTelemetry's entry points.

Which exporters, samplers and the like exist depends on what is installed. The entry points
are read only when a variable has a name that is neither ours nor OpenTelemetry's.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from telemetry.settings import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.registry.attributes import Signal

BUILT_IN = ("console", "logfire", "none", "otlp")
# Exporters of metrics only.
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
    """Return the exporters that other packages define under OpenTelemetry's entry points.

    Those of this package are left out: they are selected by their plain names.
    """
    points = metadata.entry_points(group=f"opentelemetry_{signal}_exporter")
    return {
        point.name: point
        for point in points
        if point.name not in _built_in(signal) and not point.name.startswith("corkboard_")
    }


def installed_samplers() -> metadata.EntryPoints:
    """Return the samplers that other packages define: factories that take the argument."""
    return metadata.entry_points(group="opentelemetry_traces_sampler")


def installed_id_generators() -> metadata.EntryPoints:
    """Return the id generators of packages: classes without arguments, such as AWS X-Ray's."""
    return metadata.entry_points(group="opentelemetry_id_generator")


def exporter_names(signal: Signal) -> Callable[[str], tuple[str, ...]]:
    """Return a parser of a comma list of exporters. Its error lists the known names."""

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
    """Parse the name of one of OpenTelemetry's samplers, `tail`, or an installed sampler."""
    name = value.lower()
    if name not in STANDARD:
        installed = {point.name for point in installed_samplers()}
        if name not in installed:
            raise ValueError(f"one of {', '.join(sorted(STANDARD | installed))}")
    return name


def id_generator(value: str) -> str:
    """Parse the name of an installed id generator."""
    installed = {point.name for point in installed_id_generators()}
    if value not in installed:
        raise ValueError(f"one of {', '.join(sorted(installed))}")
    return value


def propagators(value: str) -> tuple[str, ...]:
    """Parse a comma list of installed propagators, or ``none``.

    Checked here because OpenTelemetry's API reads the variable when it is first imported, and
    raises a ValueError that does not name it.
    """
    names = parse.items(value)
    points = metadata.entry_points(group="opentelemetry_propagator")
    known = {point.name for point in points} | {"none"}
    if not known.issuperset(names):
        raise ValueError(parse.missing(known, names))
    return names


def _built_in(signal: Signal) -> tuple[str, ...]:
    return (*BUILT_IN, *SCRAPED) if signal == "metrics" else BUILT_IN
