"""Benchmarks of this layer and comparable setups: `python -m benchmarks`. Not for production."""
