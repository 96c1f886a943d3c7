"""OTEL_TRACES_SAMPLER and its argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telemetry.settings import variables as v
from telemetry.settings.installed import RATIO
from telemetry.settings.model import SamplerSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.settings.parse import SampleRatio
    from telemetry.settings.reader import Reader


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ratios of traces by site and route, in order of precedence."""

    rules: Sequence[SampleRatio]
    default: float

    @property
    def lowest(self) -> float:
        """The lowest ratio of all."""
        return min([self.default, *(rule.ratio for rule in self.rules)])

    def of(self, site: object, route: object) -> float:
        """The ratio of a request, by the first rule that applies to it."""
        known = {"site": site, "route": route}
        for rule in self.rules:
            if known[rule.kind] == rule.value:
                return rule.ratio
        return self.default


def ratios_of(settings: SamplerSettings) -> Ratios | None:
    """Return the ratios by site and route, or None if there are none."""
    if settings.name != "tail" or not settings.ratios:
        return None
    default = float(settings.arg) if settings.arg else v.SAMPLER_ARG.default
    return Ratios(settings.ratios, default)


def read_sampler(reader: Reader) -> SamplerSettings:
    """Return the sampler. An invalid ratio is a problem, instead of sampling 100 % silently."""
    with reader.setting("sampler"):
        if reader.given(v.SAMPLER) is None:
            rate = reader.text(v.LOGFIRE_SAMPLE_RATE)
            return SamplerSettings("parentbased_traceidratio", rate) if rate else SamplerSettings()
        name = reader.get(v.SAMPLER)
        if name in RATIO:
            reader.check(v.SAMPLER_ARG)
        if name != "tail":
            return SamplerSettings(name, reader.text(v.SAMPLER_ARG))
        return SamplerSettings(name, reader.text(v.SAMPLER_ARG), reader.get(v.SAMPLE))
