"""The environment, read once into frozen, typed settings."""

from telemetry.settings.model import Destination, OTLPSettings, SamplerSettings, Settings
from telemetry.settings.read import read_settings

__all__ = ["Destination", "OTLPSettings", "SamplerSettings", "Settings", "read_settings"]
