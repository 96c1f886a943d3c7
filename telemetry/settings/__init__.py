"""The environment, read once into frozen, typed settings."""

from telemetry.settings.model import (
    Destination,
    OTLPSettings,
    SamplerSettings,
    SentrySettings,
    Settings,
)
from telemetry.settings.read import read_settings

__all__ = [
    "Destination",
    "OTLPSettings",
    "SamplerSettings",
    "SentrySettings",
    "Settings",
    "read_settings",
]
