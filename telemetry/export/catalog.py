"""From the names in the settings to outlets: the only place that knows every exporter."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from telemetry.export.destination import Outlet, Tally, without_credentials
from telemetry.export.redacted import RedactedLogRecordExporter, RedactedSpanExporter
from telemetry.settings.installed import installed_exporters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.export.transport import Wire
    from telemetry.redaction.redactor import Redactor
    from telemetry.settings import Destination, Settings
    from telemetry.settings.model import Signal

    MakeWire = Callable[[Tally], Wire]


def outlets(
    settings: Settings, signal: Signal, redactor: Redactor, wire: MakeWire | None = None
) -> list[Outlet[Any]]:
    """One outlet for each destination of a signal, in the order given.

    The modules are imported here, at start-up, where a missing one is an error
    that someone sees; the exporters are made later, by the outlets. What a span's
    or a record's exporter is given has been redacted; metrics are when they are measured.

    Args:
        settings: of the process.
        signal: one of the three.
        redactor: what takes out what is not to leave.
        wire: how exporters of OTLP reach their backends; one that counts retries unless given.
    """
    return [
        replace(outlet, build=partial(_redacted, outlet, redactor))
        for name in settings.exporters.get(signal, ())
        for outlet in _named(settings, signal, name, wire or _counting)
    ]


def _counting(tally: Tally) -> Wire:
    from telemetry.export.transport import CountingWire

    return CountingWire(tally)


def _redacted(outlet: Outlet[Any], redactor: Redactor) -> Any:
    exporter = outlet.build()
    if outlet.signal == "traces":
        return RedactedSpanExporter(exporter, redactor)
    if outlet.signal == "logs":
        return RedactedLogRecordExporter(exporter, redactor)
    return exporter


def _named(settings: Settings, signal: Signal, name: str, wire: MakeWire) -> Iterator[Outlet[Any]]:
    if name == "otlp":
        yield _otlp(settings, signal, wire)
    elif name == "logfire":
        yield from _logfire(settings, signal, wire)
    elif name == "console":
        yield _console(settings, signal)
    elif name == "prometheus":
        yield _prometheus(settings, signal)
    else:
        exporter = installed_exporters(signal)[name].load()
        yield Outlet(signal, name, "", exporter)


def _otlp(settings: Settings, signal: Signal, wire: MakeWire) -> Outlet[Any]:
    from telemetry.export import otlp

    own = settings.otlp[signal]
    if own.protocol == "grpc":
        # Imported now, so that the first request doesn't wait for it.
        importlib.import_module("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    else:
        importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    build = {
        "traces": otlp.span_exporter,
        "metrics": otlp.metric_exporter,
        "logs": otlp.log_exporter,
    }[signal]
    tally = Tally()
    address = without_credentials(own.endpoint)
    return Outlet(signal, "otlp", address, lambda: build(own, wire(tally)), tally=tally)


def _logfire(settings: Settings, signal: Signal, wire: MakeWire) -> Iterator[Outlet[Any]]:
    from telemetry.export import logfire

    build: Any = {
        "traces": logfire.span_exporter,
        "metrics": logfire.metric_exporter,
        "logs": logfire.log_exporter,
    }[signal]
    for destination in settings.logfire:
        address = without_credentials(destination.base_url)
        tally = Tally()
        made = partial(_to_logfire, build, destination, wire, tally)
        yield Outlet(signal, "logfire", address, made, tally=tally)


def _to_logfire(build: Any, destination: Destination, wire: MakeWire, tally: Tally) -> Any:
    return build(destination, wire(tally))


def _prometheus(settings: Settings, signal: Signal) -> Outlet[Any]:
    from telemetry.export import prometheus

    own = settings.prometheus
    address = f"http://{own.host}:{own.port} and upward"
    return Outlet(signal, "prometheus", address, lambda: prometheus.metric_reader(own))


def _console(settings: Settings, signal: Signal) -> Outlet[Any]:
    from telemetry.export import console

    build: Any = {
        "traces": console.ConsoleSpanExporter,
        "metrics": console.ConsoleMetricExporter,
        "logs": console.ConsoleLogRecordExporter,
    }[signal]
    options: dict[str, Any] = {"mode": settings.console, "color": settings.color}
    if signal == "traces":
        options["trace_url"] = settings.trace_url
    return Outlet(signal, "console", "", lambda: build(**options), immediate=True)
