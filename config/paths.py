"""Addresses that settings, middleware and urls have to agree on."""

HEALTH = "/health/"
ADMIN = "/admin/"
FAVICON = "/favicon.ico"
