"""Django's system check of the host: whether something in it is in the way of telemetry.

=====  ==========================================================================
W005   the edge is missing, or not outermost
W006   there is a second tracer provider, or other instrumentation of requests
W007   Sentry's ASGI middleware is around the edge
W008   the dictionary of `logging_config` is not in use
W009   the frameworks are not instrumented, or were too late
I001   the ASGI application can't be imported, so that none of it is known
=====  ==========================================================================

`telemetry.django.checks` has the other checks.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.core import checks

from telemetry.commands.check import findings as f
from telemetry.exceptions import ConfigurationError
from telemetry.settings import read_settings

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

_IDS = {
    f.EDGE: "telemetry.W005",
    f.PROVIDER: "telemetry.W006",
    f.SENTRY: "telemetry.W007",
    f.LOG_LINES: "telemetry.W008",
    f.INSTRUMENTORS: "telemetry.W009",
}


def check_host(**_options: Any) -> list[CheckMessage]:
    """Import the ASGI application in a separate process, and report what is in the way.

    Not in this process: the import would configure telemetry, and instrument Django a second
    time. It takes as long as a start of the host, so that only the command ``check`` does it,
    and not each command that runs the checks first.
    """
    target = application() if sys.argv[1:2] == ["check"] else None
    if target is None:
        return []
    from telemetry.commands.check.host import look_at

    try:
        read_settings(os.environ, debug=django_settings.DEBUG)
        host = look_at(target, os.environ)
    except ConfigurationError:
        # `check_configuration` reports it.
        return []
    except f.HostError as error:
        return [
            checks.Info(
                "The host was not looked at: its ASGI application can't be imported.",
                hint=str(error),
                id="telemetry.I001",
            )
        ]
    return [
        checks.Warning(
            f"{finding.what[:1].upper()}{finding.what[1:]}: {finding.description}.",
            hint=finding.advice,
            id=_IDS[finding.what],
        )
        for finding in host.findings
        if finding.well is False
    ]


def application() -> str | None:
    """Return the ASGI application as ``module:attribute``, or None if there is none.

    It is that of ``ASGI_APPLICATION``, or else ``application`` in the module ``asgi`` that is
    nearest to Django's settings, as ``startproject`` writes it.
    """
    named: str | None = getattr(django_settings, "ASGI_APPLICATION", None)
    if named:
        module, _, attribute = named.rpartition(".")
        return f"{module}:{attribute}"
    package = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    while package:
        package = package.rpartition(".")[0]
        module = f"{package}.asgi".removeprefix(".")
        if importlib.util.find_spec(module) is not None:
            return f"{module}:application"
    return None
