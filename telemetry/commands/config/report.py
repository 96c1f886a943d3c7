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
    from collections.abc import Callable, Iterator, Mapping

    from telemetry.settings.model import BudgetSettings, SentrySettings, Signal, SpoolSettings
    from telemetry.settings.variable import Variable

    Sources = Mapping[str, tuple[str, ...]]

    Route = Callable[[str, bool], tuple[str, tuple[str, ...]]]

Row = tuple[str, str, tuple[str, ...]]

# Shown in the rows of signals and errors, or in rows defined below.
_ELSEWHERE = frozenset(
    {
        *("names_itself", "exporters", "otlp", "logfire", "prometheus", "sentry"),
        *("event_url", "redaction", "spool", "limits", "budgets", "notes"),
    }
)


def _directly(_url: str, _grpc: bool) -> tuple[str, tuple[str, ...]]:
    return "", ()


def rows(settings: Settings, sources: Sources, route: Route = _directly) -> Iterator[Row]:
    """Yield the destinations of each signal, followed by all other settings.

    Args:
        settings: The settings.
        sources: The variables that gave each setting its value.
        route: Says how an address is reached, and which variables decide it.
    """
    for signal in SIGNALS:
        yield _signal(settings, signal, sources, route)
    if settings.sentry is None:
        yield "errors", "nowhere", sources.get("sentry", ())
    else:
        yield _errors(settings.sentry, sources, route)
    if settings.sentry is not None:
        yield "event_url", settings.sentry.event_url or "", sources.get("sentry", ())
    elif settings.event_url is not None:
        yield "event_url", settings.event_url, sources.get("event_url", ())
    for field in fields(Settings):
        if field.name not in _ELSEWHERE:
            value = getattr(settings, field.name)
            yield field.name, _shown(variable_of(field.name), value), sources.get(field.name, ())
    yield "budgets", _budgets(settings.budgets), sources.get("budgets", ())
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
    length = settings.redaction.text_length
    yield "text_length", f"{length} characters", sources.get("text_length", ())


def _signal(settings: Settings, signal: Signal, sources: Sources, route: Route) -> Row:
    shown: list[str] = []
    names = [*_of_signal(settings, signal, sources)]
    for name in settings.exporters[signal]:
        for destination, deciding in _destinations(settings, signal, name, route):
            shown.append(destination)
            names += deciding
    return signal, ", ".join(shown) or "nowhere", tuple(dict.fromkeys(names))


def _destinations(
    settings: Settings, signal: Signal, name: str, route: Route
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each destination of an exporter, and the variables that decide on its proxy."""
    if name == "otlp":
        own = settings.otlp[signal]
        way, deciding = route(own.endpoint, own.protocol == "grpc")
        headers = f"headers {' '.join(own.headers)}" if own.headers else ""
        notes = ", ".join(filter(None, (own.protocol, headers, way)))
        yield f"otlp {without_credentials(own.endpoint)} ({notes})", deciding
    elif name == "logfire":
        for project in settings.logfire:
            way, deciding = route(project.base_url, False)
            note = f" ({way})" if way else ""
            yield f"logfire {without_credentials(project.base_url)}{note}", deciding
    elif name == "prometheus":
        address = settings.prometheus.address().removeprefix("http://")
        yield f"prometheus {address} and upward", ()
    else:
        yield name, ()


def _errors(sentry: SentrySettings, sources: Sources, route: Route) -> Row:
    way, deciding = route(sentry.dsn, False)
    files = (
        ("trusted certificates", sentry.certificate),
        ("client certificate", sentry.client_certificate),
        ("client key", sentry.client_key),
    )
    notes = ", ".join(filter(None, (*(f"{name} {file}" for name, file in files if file), way)))
    value = without_credentials(sentry.dsn) + (f" ({notes})" if notes else "")
    of_errors = sources.get("sentry", ()), sources.get("sentry_certificates", ()), deciding
    return "errors", value, tuple(name for names in of_errors for name in names)


def _budgets(budgets: BudgetSettings) -> str:
    counted = (
        f"{budgets.traces} traces, {budgets.events} events",
        f"{budgets.events_of_a_group} events of a group",
        f"{budgets.spans_of_a_trace} spans of a trace",
    )
    events = "" if budgets.request_errors else ", none that a request causes"
    return f"{', '.join(counted)}{events}"


def _spool(spool: SpoolSettings) -> str:
    if spool.folder is None:
        return ""
    limits = f"{spool.max_bytes} bytes, {duration(spool.max_age)}"
    synced = ", each file synced" if spool.sync else ""
    return f"{spool.folder} ({', '.join(spool.signals)}; {limits}{synced})"


def _of_signal(settings: Settings, signal: Signal, sources: Sources) -> tuple[str, ...]:
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
            "Set without effect here (the default value, read by OpenTelemetry's SDK, or noted):",
        ]
        lines += [f"  {name}" for name in unused]
    return "\n".join(lines) + "\n"


def as_json(found: list[Row], unused: list[str], notes: tuple[str, ...]) -> str:
    """Return an object: `settings`, each with `value` and `from`; `unused`; `notes`."""
    settings = {name: {"value": value, "from": origin} for name, value, origin in found}
    return json.dumps({"settings": settings, "unused": unused, "notes": notes}, indent=2) + "\n"
