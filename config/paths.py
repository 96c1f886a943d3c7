"""Paths that the settings, the middleware and the URL configuration share."""

HEALTH = "/health/"
READY = "/health/ready"
PROBES = frozenset({HEALTH, READY})
"""Health checks. They address a worker directly, under any name and without TLS."""
ADMIN = "/admin/"
FAVICON = "/favicon.ico"
