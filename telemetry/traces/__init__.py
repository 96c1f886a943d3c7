"""Traces: the tracer provider, samplers and tail sampling."""
