"""What the figures were measured with."""

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
    """The interpreter and the processors."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def packages() -> str:
    """The versions that matter."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)
