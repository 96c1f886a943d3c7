"""Datasette: the instrumentor, and the tracer and meter of its instrumentation scope."""
