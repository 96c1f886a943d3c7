"""`python -m telemetry check`: sends samples to each destination, and diagnoses failures."""
