"""Datasette: its instrumentor, and the tracer and meter that its scope gets."""
