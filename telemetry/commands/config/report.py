"""The configuration as rows: what, its value, where that came from. Never a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from telemetry.exceptions import HIDDEN
from telemetry.export.destination import without_credentials
from telemetry.settings.model import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from telemetry.settings import Settings
    from telemetry.settings.model import Signal

Row = tuple[str, str, tuple[str, ...]]

# What is said of a setting that no variable changes, in the order in which it is shown.
_PLAIN = (
    *("service_name", "release", "environment", "debug"),
    *("sampler", "fold_below", "slow", "site_limit", "traceparent", "trust_secret"),
    *("trace_url", "metric_interval", "shutdown_timeout", "console", "color"),
    *("client_address", "user_agent", "local_variables", "resource_attributes"),
    *("untraced_paths", "unlogged_paths", "excluded_urls", "django_excluded_urls"),
    *("datasette_excluded_urls", "capture_request_headers", "capture_response_headers"),
    *("sanitize_headers", "id_generator", "attribute_length", "django_instrument"),
    *("django_middleware_position", "django_request_attributes", "raise_failures"),
)
_SECONDS = {"fold_below", "slow", "metric_interval", "shutdown_timeout"}


def rows(settings: Settings, sources: Mapping[str, tuple[str, ...]]) -> Iterator[Row]:
    """Where each signal goes, then everything else."""
    for signal in SIGNALS:
        yield signal, _destinations(settings, signal), _of_signal(signal, sources)
    errors = without_credentials(settings.sentry.dsn) if settings.sentry is not None else "nowhere"
    yield "errors", errors, sources.get("sentry", ())
    if settings.sentry is not None:
        yield "event_url", settings.sentry.event_url or "", sources.get("sentry", ())
    for name in _PLAIN:
        yield name, _shown(name, getattr(settings, name)), sources.get(name, ())
    yield (
        "redact",
        ", ".join(sorted(settings.redaction.kinds)) or "none",
        sources.get("redaction", ()),
    )


def _destinations(settings: Settings, signal: Signal) -> str:
    return ", ".join(_destination(settings, signal, n) for n in settings.exporters[signal]) or (
        "nowhere"
    )


def _destination(settings: Settings, signal: Signal, name: str) -> str:
    if name == "otlp":
        own = settings.otlp[signal]
        headers = f", headers {' '.join(own.headers)}" if own.headers else ""
        return f"otlp {without_credentials(own.endpoint)} ({own.protocol}{headers})"
    if name == "logfire":
        places = (without_credentials(destination.base_url) for destination in settings.logfire)
        return ", ".join(f"logfire {place}" for place in places)
    if name == "prometheus":
        return f"prometheus {settings.prometheus.host}:{settings.prometheus.port} and upward"
    return name


def _of_signal(signal: Signal, sources: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    others = {f"_{other.upper()}_" for other in SIGNALS if other != signal}
    names = [*sources.get("exporters", ()), *sources.get("otlp", ()), *sources.get("logfire", ())]
    # One signal's own variables are not the others'.
    own = (name for name in dict.fromkeys(names) if not any(other in name for other in others))
    return tuple(own)


def _shown(name: str, value: Any) -> str:
    if name == "trust_secret":
        return HIDDEN if value else ""
    if name == "sampler":
        return value.name if value.arg is None else f"{value.name} {value.arg}"
    if name in _SECONDS:
        return f"{value:g} s"
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def as_text(found: list[Row], unused: list[str], *, everything: bool) -> str:
    """Two columns and the source; without `everything`, what has a value."""
    shown = [row for row in found if everything or row[1] not in ("", "false")]
    width = max(len(name) for name, _, _ in shown)
    lines = []
    for name, value, origin in shown:
        lines.append(f"{name:{width}}  {value}".rstrip())
        if origin:
            lines.append(f"{'':{width}}    from {', '.join(origin)}")
    if unused:
        lines += [
            "",
            "Set, and changing nothing here: the default, or for OpenTelemetry's SDK:",
        ]
        lines += [f"  {name}" for name in unused]
    return "\n".join(lines) + "\n"


def as_json(found: list[Row], unused: list[str], notes: tuple[str, ...]) -> str:
    """An object: `settings`, each with `value` and `from`; `unused`; `notes`."""
    settings = {name: {"value": value, "from": origin} for name, value, origin in found}
    return json.dumps({"settings": settings, "unused": unused, "notes": notes}, indent=2) + "\n"
