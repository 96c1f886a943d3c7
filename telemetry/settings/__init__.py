"""Settings: the environment, read once into frozen, typed objects."""

from telemetry.settings.model import (
    LogfireProject,
    OTLPSettings,
    SamplerSettings,
    SentrySettings,
    Settings,
)
from telemetry.settings.read import read_settings

__all__ = [
    "LogfireProject",
    "OTLPSettings",
    "SamplerSettings",
    "SentrySettings",
    "Settings",
    "read_settings",
]
