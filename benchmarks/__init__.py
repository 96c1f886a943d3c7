"""What telemetry costs, beside its peers. `python -m benchmarks`, never in production."""
