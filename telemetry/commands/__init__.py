"""The commands of `python -m telemetry`."""
