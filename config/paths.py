"""Addresses that settings, middleware and urls have to agree on."""

HEALTH = "/health/"
READY = "/health/ready"
PROBES = frozenset({HEALTH, READY})
"""Whoever asks for these speaks to the worker, by whatever name and without TLS."""
ADMIN = "/admin/"
FAVICON = "/favicon.ico"
