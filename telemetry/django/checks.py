"""Django's system checks for telemetry: the configuration, and deployment with ``--deploy``.

=====  ==========================================================================
E001   a variable is invalid
W001   a variable is set and not used, or has no effect
W002   TELEMETRY_RAISE_FAILURES makes errors in telemetry fail pages (``--deploy``)
W003   TELEMETRY_REDACT allows private data to be exported (``--deploy``)
W004   credentials are sent to another machine without TLS (``--deploy``)
=====  ==========================================================================

`telemetry.system_checks.host` has the checks of the host.
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
    """Check every variable that telemetry reads from the environment."""
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
    """Check for settings that are meant for development."""
    try:
        settings = _read()
    except ConfigurationError:
        # `check_configuration` reports it.
        return []
    return list(_deployment_warnings(settings))


def _read() -> Settings:
    return read_settings(os.environ, debug=django_settings.DEBUG)


def _deployment_warnings(settings: Settings) -> Iterator[CheckMessage]:
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
        if otlp.headers and _is_unencrypted(otlp.endpoint, insecure=otlp.insecure):
            yield checks.Warning(
                f"The headers of {signal} can be read on the way to another machine.",
                hint=f"They hold what is set by {v.OTLP_HEADERS}: send to an https:// address, or "
                "to a collector on this machine.",
                id="telemetry.W004",
            )


def _is_unencrypted(endpoint: str, *, insecure: bool | None) -> bool:
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
