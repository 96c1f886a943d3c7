"""OTEL_TRACES_SAMPLER and its argument."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from telemetry.settings import parse
from telemetry.settings import variables as v
from telemetry.settings.model import SamplerSettings

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader

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


def read_sampler(reader: Reader) -> SamplerSettings:
    """The sampler; a ratio that is none is a problem, never silently 100 %."""
    given = reader.text(v.SAMPLER, v.LOGFIRE_SAMPLE_RATE)
    if given is None:
        return SamplerSettings()
    if reader.supplier(v.SAMPLER) is None:
        reader.parsed(_ratio, 1.0, v.LOGFIRE_SAMPLE_RATE)
        return SamplerSettings("parentbased_traceidratio", given)
    name = given.lower()
    arg = reader.text(v.SAMPLER_ARG)
    if name in RATIO:
        reader.parsed(_ratio, 1.0, v.SAMPLER_ARG)
    elif name not in STANDARD:
        installed = {point.name for point in installed_samplers()}
        if name not in installed:
            known = ", ".join(sorted(STANDARD | installed))
            reader.problem(v.SAMPLER, given, f"one of {known}")
            return SamplerSettings()
    return SamplerSettings(name, arg)


def installed_samplers() -> metadata.EntryPoints:
    """Samplers that other packages offer: factories that take the argument."""
    return metadata.entry_points(group="opentelemetry_traces_sampler")


def _ratio(value: str) -> float:
    return parse.number(value, least=0.0, most=1.0)
