"""`python -m telemetry config`: prints the settings and the origin of each value."""
