"""Spans, log records and metrics as OTLP messages: each item becomes bytes once, by itself."""
