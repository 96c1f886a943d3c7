"""OTEL_TRACES_SAMPLER and its argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.settings import variables as v
from telemetry.settings.installed import RATIO
from telemetry.settings.model import SamplerSettings

if TYPE_CHECKING:
    from telemetry.settings.reader import Reader


def read_sampler(reader: Reader) -> SamplerSettings:
    """Return the sampler. An invalid ratio is a problem, instead of sampling 100 % silently."""
    with reader.setting("sampler"):
        if reader.given(v.SAMPLER) is None:
            rate = reader.text(v.LOGFIRE_SAMPLE_RATE)
            return SamplerSettings("parentbased_traceidratio", rate) if rate else SamplerSettings()
        name = reader.get(v.SAMPLER)
        if name in RATIO:
            reader.check(v.SAMPLER_ARG)
        return SamplerSettings(name, reader.text(v.SAMPLER_ARG))
