"""Parsers of names that installed packages define under OpenTelemetry's entry points.

Which exporters, samplers and the like exist depends on what is installed. The entry points
are read only when a variable has a name that is neither ours nor OpenTelemetry's.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from telemetry.settings import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.registry.attributes import Signal

BUILT_IN = ("console", "logfire", "none", "otlp")
# Exporters of metrics only.
SCRAPED = ("prometheus",)

_NONE = "the name of an entry point of the group {}, of which no package is installed"

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
        if not names or not known.issuperset(names):
            known |= installed_exporters(signal).keys()
            if not names or not known.issuperset(names):
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


def propagators(value: str) -> tuple[str, ...]:
    """Parse a comma list of installed propagators, or ``none``. Case is ignored.

    Checked here because OpenTelemetry's API reads the variable when it is first imported, and
    raises a ValueError that does not name it.
    """
    by_case = {name.lower(): name for name in _names("opentelemetry_propagator")}
    by_case["none"] = "none"
    names = parse.names(value)
    if not names or not by_case.keys() >= set(names):
        raise ValueError(parse.missing(by_case.values(), names))
    if "none" in names and len(names) > 1:
        raise ValueError("none alone, or a comma list without it")
    return tuple(by_case[name] for name in names)


def resource_detectors(value: str) -> tuple[str, ...]:
    """Parse a comma list of installed resource detectors, or ``*`` for all of them."""
    names = parse.items(value)
    known = _names("opentelemetry_resource_detector") | {"*"}
    if not names or not known.issuperset(names):
        raise ValueError(parse.missing(known, names))
    return names


def one_installed(group: str) -> Callable[[str], str]:
    """Return a parser of the name of one of the entry points of a group."""

    def read(value: str) -> str:
        known = _names(group)
        if value not in known:
            raise ValueError(f"one of {', '.join(sorted(known))}" if known else _NONE.format(group))
        return value

    return read


def _names(group: str) -> frozenset[str]:
    return _names_on(group, tuple(sys.path))


# Every installed package's metadata is read, and most variables are read for each signal.
@cache
def _names_on(group: str, _path: tuple[str, ...]) -> frozenset[str]:
    return frozenset(point.name for point in metadata.entry_points(group=group))


def _built_in(signal: Signal) -> tuple[str, ...]:
    return (*BUILT_IN, *SCRAPED) if signal == "metrics" else BUILT_IN


id_generator = one_installed("opentelemetry_id_generator")
credential_provider = one_installed("opentelemetry_otlp_credential_provider")
context = one_installed("opentelemetry_context")
