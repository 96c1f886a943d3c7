"""Variables for a process of the host that must send nothing to the operator's destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DISCARD = "http://127.0.0.1:9"
"""The discard port of this machine, where usually no program listens."""


def sending_to(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with one destination, an OTLP receiver for traces.

    No token, header or endpoint of the operator is left.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("OTEL_EXPORTER_", "LOGFIRE_"))
        and name not in {"SENTRY_DSN", "OTEL_SDK_DISABLED"}
    }
    return {
        **kept,
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "TELEMETRY_SHUTDOWN_TIMEOUT": "15s",
    }


def importing(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a process that imports the host and serves no request.

    Credentials are replaced and not removed: a host may need them, or do something else without.
    """
    placeholders = {
        "SENTRY_DSN": "http://check@127.0.0.1:9/1",
        "LOGFIRE_TOKEN": "pylf_v1_us_check",
    }
    return {
        **sending_to(DISCARD, environ),
        "LOGFIRE_BASE_URL": DISCARD,
        **{name: value for name, value in placeholders.items() if environ.get(name)},
    }
