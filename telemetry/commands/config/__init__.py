"""`python -m telemetry config`: what is configured, and where each value came from."""
