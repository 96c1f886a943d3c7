"""An environment for a subprocess that owes nothing to the developer's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIXES = (
    "BUGSINK_",
    "COLLECTOR_",
    "DEST_",
    "FILES_",
    "OTEL_",
    "LOGFIRE_",
    "SENTRY_",
    "TELEMETRY_",
    "DJANGO_SUPERUSER_",
    "PG",
)
HOST = frozenset(
    {
        "DATABASE_URL",
        "DEBUG",
        "DJANGO_SETTINGS_MODULE",
        "DJP_PLUGINS_DIR",
        # What the servers read of their own accord.
        "FORWARDED_ALLOW_IPS",
        "GUNICORN_CMD_ARGS",
        "HTTPS",
        "LOGLEVEL",
        "LOG_FORMAT",
        "PORT",
        "RELEASE_FILE",
        "ROOT_DOMAINS",
        "SECRET_KEY",
        "SITES_DIR",
        "SITES_POOL_SIZE",
        "PUBLIC_PORT",
        "TRUSTED_PROXIES",
        "VIEWER_PORT",
        "WEB_CONCURRENCY",
    }
)

# What other programs read too, such as the one that installs a test's packages.
SHARED = frozenset(
    {
        "ALL_PROXY",
        "CLIENT_CERT_FILE",
        "CLIENT_KEY_FILE",
        "GRPC_PROXY",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_COLOR",
        "NO_GRPC_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
    }
)


def is_ours(name: str) -> bool:
    """Say whether a variable could change what the code under test does."""
    return name.startswith(PREFIXES) or name in HOST


def clean_environment(base: Mapping[str, str] | None = None, /, **overrides: str) -> dict[str, str]:
    """Copy `base` (os.environ by default) without the variables we read, then override."""
    source = os.environ if base is None else base
    return {name: value for name, value in source.items() if not is_ours(name)} | overrides


def without_shared(environ: Mapping[str, str]) -> dict[str, str]:
    """Copy an environment without the variables that other programs read too."""
    return {name: value for name, value in environ.items() if name.upper() not in SHARED}
