"""`python -m telemetry check`: whether what is sent arrives, and if not, why."""
