"""Builds destinations from the exporter names in the settings.

This is the only module that refers to every exporter.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from telemetry.export.destination import Destination, without_credentials
from telemetry.export.lengths import Lengths
from telemetry.export.outbox import Outbox
from telemetry.export.redacted import RedactedLogRecordExporter, RedactedSpanExporter
from telemetry.export.sdk_metrics import ExportMetrics
from telemetry.export.sender import Delivery, Sender
from telemetry.export.spool import Spool, SpoolFolder, spool_name
from telemetry.export.statistics import ExportStatistics
from telemetry.settings.installed import installed_exporters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from telemetry.export.endpoint import Endpoint
    from telemetry.redaction.redactor import Redactor
    from telemetry.settings import Settings
    from telemetry.settings.model import Signal
    from telemetry.settings.variables import SpooledSignal


def destinations(settings: Settings, signal: Signal, redactor: Redactor) -> list[Destination[Any]]:
    """Return the destinations of a signal in the configured order.

    The exporter modules are imported here, so that a missing one is an error at start-up. The
    exporters themselves are created later, by `Destination.build`. Spans and log records are
    redacted before they reach an exporter; metrics are redacted when they are recorded.

    Args:
        settings: Settings of the process.
        signal: ``traces``, ``metrics`` or ``logs``.
        redactor: Redaction rules.
    """
    lengths = Lengths.of(settings)
    return [
        replace(destination, build=_redacted(signal, destination.build, redactor, lengths))
        for name in settings.exporters.get(signal, ())
        for destination in _named(settings, signal, name)
    ]


def senders(
    settings: Settings, known: Iterable[Destination[Any]], folder: SpoolFolder | None = None
) -> list[Sender]:
    """Return the senders of all destinations that have an outbox: one for each address.

    Args:
        settings: Settings of the process.
        known: The destinations.
        folder: Where items wait on disk that can't be sent now.
    """
    by_origin: dict[str, list[Delivery]] = {}
    for destination in known:
        endpoint, outbox = destination.endpoint, destination.outbox
        if endpoint is None or outbox is None:
            continue
        make_metrics: Callable[[Outbox], ExportMetrics] | None = None
        # OpenTelemetry's conventions have none for error events.
        if settings.internal_metrics and destination.signal != "errors":
            make_metrics = partial(_metrics, destination.signal, endpoint)
        delivery = Delivery(
            outbox,
            endpoint,
            make_metrics=make_metrics,
            spool=_spool(folder, destination.signal, destination.name, endpoint),
        )
        by_origin.setdefault(endpoint.origin, []).append(delivery)
    return [Sender(deliveries) for deliveries in by_origin.values()]


def _spool(
    folder: SpoolFolder | None, signal: SpooledSignal, name: str, endpoint: Endpoint
) -> Spool | None:
    if folder is None or signal not in folder.settings.signals:
        return None
    return Spool(folder, spool_name(signal, name, endpoint.url, endpoint.identity))


def _metrics(signal: Signal, endpoint: Endpoint, outbox: Outbox) -> ExportMetrics:
    return ExportMetrics(signal, outbox, endpoint.url, endpoint.protocol)


def _redacted(
    signal: Signal, build: Callable[[], Any] | None, redactor: Redactor, lengths: Lengths
) -> Callable[[], Any] | None:
    if build is None or signal == "metrics":
        return build
    wrapper = RedactedSpanExporter if signal == "traces" else RedactedLogRecordExporter
    return lambda: wrapper(build(), redactor, lengths)


def _named(settings: Settings, signal: Signal, name: str) -> Iterator[Destination[Any]]:
    if name == "otlp":
        yield _otlp(settings, signal)
    elif name == "logfire":
        yield from _logfire(settings, signal)
    elif name == "console":
        yield _console(settings, signal)
    elif name == "prometheus":
        yield _prometheus(settings, signal)
    else:
        exporter = installed_exporters(signal)[name].load()
        yield Destination(signal, name, "", exporter)


def _otlp(settings: Settings, signal: Signal) -> Destination[Any]:
    from telemetry.export import otlp

    own = settings.otlp[signal]
    if own.protocol == "grpc":
        # Imported at start-up, so that the first request doesn't wait for it.
        importlib.import_module("telemetry.export.grpc")
    address = without_credentials(own.endpoint)
    return _sent(settings, signal, "otlp", address, otlp.endpoint(own, signal))


def _logfire(settings: Settings, signal: Signal) -> Iterator[Destination[Any]]:
    from telemetry.export import logfire

    for project in settings.logfire:
        address = without_credentials(project.base_url)
        yield _sent(settings, signal, "logfire", address, logfire.endpoint(project, signal))


def _sent(
    settings: Settings, signal: Signal, name: str, address: str, endpoint: Endpoint
) -> Destination[Any]:
    from telemetry.export.exporters import is_replaced

    statistics = ExportStatistics()
    outbox = Outbox(
        f"{signal} to {name} ({address})",
        settings.queue(signal),
        statistics,
        replaced=signal == "metrics" and is_replaced(endpoint),
    )
    return Destination(
        signal, name, address, None, endpoint=endpoint, outbox=outbox, statistics=statistics
    )


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
