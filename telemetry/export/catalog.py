"""Builds destinations from the exporter names in the settings.

This is the only module that refers to every exporter.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from telemetry.export.destination import Destination, ExportStatistics, without_credentials
from telemetry.export.redacted import RedactedLogRecordExporter, RedactedSpanExporter
from telemetry.settings.installed import installed_exporters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.export.transport import Transport
    from telemetry.redaction.redactor import Redactor
    from telemetry.settings import LogfireProject, Settings
    from telemetry.settings.model import Signal

    MakeTransport = Callable[[ExportStatistics], Transport]


def destinations(
    settings: Settings, signal: Signal, redactor: Redactor, transport: MakeTransport | None = None
) -> list[Destination[Any]]:
    """Return the destinations of a signal in the configured order.

    The exporter modules are imported here, so that a missing one is an error at start-up. The
    exporters themselves are created later, by `Destination.build`. Spans and log records are
    redacted before they reach an exporter; metrics are redacted when they are recorded.

    Args:
        settings: Settings of the process.
        signal: ``traces``, ``metrics`` or ``logs``.
        redactor: Redaction rules.
        transport: Creates the transport of an OTLP exporter. By default, one that counts retries.
    """
    return [
        replace(destination, build=partial(_redacted, destination, redactor))
        for name in settings.exporters.get(signal, ())
        for destination in _named(settings, signal, name, transport or _counting)
    ]


def _counting(statistics: ExportStatistics) -> Transport:
    from telemetry.export.transport import CountingTransport

    return CountingTransport(statistics)


def _redacted(destination: Destination[Any], redactor: Redactor) -> Any:
    exporter = destination.build()
    if destination.signal == "traces":
        return RedactedSpanExporter(exporter, redactor)
    if destination.signal == "logs":
        return RedactedLogRecordExporter(exporter, redactor)
    return exporter


def _named(
    settings: Settings, signal: Signal, name: str, transport: MakeTransport
) -> Iterator[Destination[Any]]:
    if name == "otlp":
        yield _otlp(settings, signal, transport)
    elif name == "logfire":
        yield from _logfire(settings, signal, transport)
    elif name == "console":
        yield _console(settings, signal)
    elif name == "prometheus":
        yield _prometheus(settings, signal)
    else:
        exporter = installed_exporters(signal)[name].load()
        yield Destination(signal, name, "", exporter)


def _otlp(settings: Settings, signal: Signal, transport: MakeTransport) -> Destination[Any]:
    from telemetry.export import otlp

    own = settings.otlp[signal]
    if own.protocol == "grpc":
        # Imported at start-up, so that the first request doesn't wait for it.
        importlib.import_module("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    else:
        importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    build = {
        "traces": otlp.span_exporter,
        "metrics": otlp.metric_exporter,
        "logs": otlp.log_exporter,
    }[signal]
    statistics = ExportStatistics()
    address = without_credentials(own.endpoint)
    return Destination(
        signal, "otlp", address, lambda: build(own, transport(statistics)), statistics=statistics
    )


def _logfire(
    settings: Settings, signal: Signal, transport: MakeTransport
) -> Iterator[Destination[Any]]:
    from telemetry.export import logfire

    build: Any = {
        "traces": logfire.span_exporter,
        "metrics": logfire.metric_exporter,
        "logs": logfire.log_exporter,
    }[signal]
    for project in settings.logfire:
        address = without_credentials(project.base_url)
        statistics = ExportStatistics()
        made = partial(_to_logfire, build, project, transport, statistics)
        yield Destination(signal, "logfire", address, made, statistics=statistics)


def _to_logfire(
    build: Any, project: LogfireProject, transport: MakeTransport, statistics: ExportStatistics
) -> Any:
    return build(project, transport(statistics))


def _prometheus(settings: Settings, signal: Signal) -> Destination[Any]:
    from telemetry.export import prometheus

    own = settings.prometheus
    address = f"http://{own.host}:{own.port} and upward"
    return Destination(signal, "prometheus", address, lambda: prometheus.metric_reader(own))


def _console(settings: Settings, signal: Signal) -> Destination[Any]:
    from telemetry.export import console

    build: Any = {
        "traces": console.ConsoleSpanExporter,
        "metrics": console.ConsoleMetricExporter,
        "logs": console.ConsoleLogRecordExporter,
    }[signal]
    options: dict[str, Any] = {"mode": settings.console, "color": settings.color}
    if signal == "traces":
        options["trace_url"] = settings.trace_url
    return Destination(signal, "console", "", lambda: build(**options), immediate=True)
