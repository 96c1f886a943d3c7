"""The hardware and software of a measurement."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

PACKAGES = (
    "django",
    "datasette",
    "uvicorn",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-asgi",
    "logfire",
    "sentry-sdk",
)


def machine() -> str:
    """Return the interpreter and the processors."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def packages() -> str:
    """Return the versions of the relevant packages."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)
