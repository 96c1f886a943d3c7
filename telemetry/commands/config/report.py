"""The settings as rows of name, value and origin. Secrets are hidden."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from telemetry.exceptions import HIDDEN
from telemetry.export.destination import without_credentials
from telemetry.settings.model import SIGNALS, LimitSettings, SamplerSettings, Settings, variable_of
from telemetry.settings.parse import duration
from telemetry.settings.variable import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from telemetry.settings.model import Signal, SpoolSettings
    from telemetry.settings.variable import Variable

Row = tuple[str, str, tuple[str, ...]]

# Shown in the rows of signals and errors, or in rows defined below.
_ELSEWHERE = frozenset(
    {
        *("names_itself", "exporters", "otlp", "logfire", "prometheus", "sentry"),
        *("event_url", "redaction", "spool", "limits", "notes"),
    }
)


def rows(settings: Settings, sources: Mapping[str, tuple[str, ...]]) -> Iterator[Row]:
    """Yield the destinations of each signal, followed by all other settings."""
    for signal in SIGNALS:
        yield signal, _destinations(settings, signal), _of_signal(settings, signal, sources)
    errors = without_credentials(settings.sentry.dsn) if settings.sentry is not None else "nowhere"
    yield "errors", errors, sources.get("sentry", ())
    if settings.sentry is not None:
        yield "event_url", settings.sentry.event_url or "", sources.get("sentry", ())
    elif settings.event_url is not None:
        yield "event_url", settings.event_url, sources.get("event_url", ())
    for field in fields(Settings):
        if field.name not in _ELSEWHERE:
            value = getattr(settings, field.name)
            yield field.name, _shown(variable_of(field.name), value), sources.get(field.name, ())
    limits = (
        f"{each.name} {getattr(settings.limits, each.name)}"
        for each in fields(LimitSettings)
        if getattr(settings.limits, each.name) is not None
    )
    yield "limits", ", ".join(limits), sources.get("limits", ())
    yield "spool", _spool(settings.spool), sources.get("spool", ())
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
        return f"prometheus {settings.prometheus.address().removeprefix('http://')} and upward"
    return name


def _spool(spool: SpoolSettings) -> str:
    if spool.folder is None:
        return ""
    limits = f"{spool.max_bytes} bytes, {duration(spool.max_age)}"
    synced = ", each file synced" if spool.sync else ""
    return f"{spool.folder} ({', '.join(spool.signals)}; {limits}{synced})"


def _of_signal(
    settings: Settings, signal: Signal, sources: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    others = {f"_{other.upper()}_" for other in SIGNALS if other != signal}
    parts = ["exporters", "otlp", "logfire"]
    if "prometheus" in settings.exporters[signal]:
        parts.append("prometheus")
    names = [name for part in parts for name in sources.get(part, ())]
    # Variables of the other signals are left out.
    own = (name for name in dict.fromkeys(names) if not any(other in name for other in others))
    return tuple(own)


def _shown(variable: Variable[Any] | None, value: Any) -> str:
    if variable is not None and variable.secret:
        return HIDDEN if value else ""
    if isinstance(value, SamplerSettings):
        return value.name if value.arg is None else f"{value.name} {value.arg}"
    if isinstance(value, tuple):
        return ", ".join(value)
    text = written(value)
    return f"{text} {variable.unit}" if variable is not None and variable.unit else text


def as_text(found: list[Row], unused: list[str], *, everything: bool) -> str:
    """Format columns of name, value and origin. Without `everything`, only rows with a value."""
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
            "Set without effect here (the default value, or read by OpenTelemetry's SDK):",
        ]
        lines += [f"  {name}" for name in unused]
    return "\n".join(lines) + "\n"


def as_json(found: list[Row], unused: list[str], notes: tuple[str, ...]) -> str:
    """Return an object: `settings`, each with `value` and `from`; `unused`; `notes`."""
    settings = {name: {"value": value, "from": origin} for name, value, origin in found}
    return json.dumps({"settings": settings, "unused": unused, "notes": notes}, indent=2) + "\n"
