"""What `manage.py check` says of telemetry; with ``--deploy`` also what production wants.

=====  ==========================================================================
E001   a variable can't be understood
W001   a variable is set and not used, or changes nothing
W002   TELEMETRY_RAISE_FAILURES has telemetry's own failures fail pages (``--deploy``)
W003   TELEMETRY_REDACT lets something private leave (``--deploy``)
W004   credentials go over plain HTTP to another machine (``--deploy``)
=====  ==========================================================================
"""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core import checks

from telemetry.exceptions import ConfigurationError
from telemetry.registry.redaction import KINDS
from telemetry.settings import Settings, read_settings
from telemetry.settings import variables as v

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.checks import CheckMessage


def check_configuration(**_options: Any) -> list[CheckMessage]:
    """Every variable, as the host will read it."""
    try:
        settings = _read()
    except ConfigurationError as error:
        return [
            checks.Error(
                f"{problem.variable} can't be understood.",
                hint=str(problem),
                id="telemetry.E001",
            )
            for problem in error.problems
        ]
    return [checks.Warning(f"{note}.", id="telemetry.W001") for note in settings.notes]


def check_deployment(**_options: Any) -> list[CheckMessage]:
    """What a developer wants and production doesn't."""
    try:
        settings = _read()
    except ConfigurationError:
        # Told by the other.
        return []
    return list(_of_production(settings))


def _read() -> Settings:
    return read_settings(os.environ, debug=django_settings.DEBUG)


def _of_production(settings: Settings) -> Iterator[CheckMessage]:
    if settings.raise_failures:
        yield checks.Warning(
            "A failure of telemetry's own fails the page.",
            hint=f"{v.RAISE_FAILURES} is for tests: unset it.",
            id="telemetry.W002",
        )
    left = set(KINDS) - settings.redaction.kinds
    if left:
        yield checks.Warning(
            f"Not taken out of what is sent: {', '.join(sorted(left))}.",
            hint=f"{v.REDACT} says so. Unset, everything is.",
            id="telemetry.W003",
        )
    for signal, otlp in settings.otlp.items():
        if otlp.headers and _is_in_clear(otlp.endpoint, insecure=otlp.insecure):
            yield checks.Warning(
                f"The headers of {signal} can be read on the way to another machine.",
                hint=f"They hold what is set by {v.OTLP_HEADERS}: send to an https:// address, or "
                "to a collector on this machine.",
                id="telemetry.W004",
            )


def _is_in_clear(endpoint: str, *, insecure: bool | None) -> bool:
    parts = urlsplit(endpoint if "://" in endpoint else f"grpc://{endpoint}")
    if parts.scheme == "https" or (parts.scheme == "grpc" and not insecure):
        return False
    host = parts.hostname or ""
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
