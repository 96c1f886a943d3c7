"""What is looked at in a host, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

EDGE = "edge"
PROVIDER = "tracer provider"
SENTRY = "Sentry's ASGI middleware"
LOG_LINES = "log lines"
INSTRUMENTORS = "instrumentors"
SITE = "site"

ORDER = (EDGE, PROVIDER, SENTRY, LOG_LINES, INSTRUMENTORS, SITE)


LIMIT = 60.0
"""Seconds that the import of a host may take."""


@dataclass(frozen=True, slots=True)
class Finding:
    """State of one part of the host."""

    what: str
    """One of ``ORDER``."""
    well: bool | None
    """None if it was not looked at, or if the host does not use it."""
    description: str
    advice: str = ""


class HostError(Exception):
    """The host can't be imported. Says what was given and what is wanted."""
