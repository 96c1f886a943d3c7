"""Sends to every destination that is configured."""

from __future__ import annotations

import importlib
import logging
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from telemetry.commands.check.answers import Answer, ObservingWire
from telemetry.commands.check.diagnosis import Destination, Diagnosis, diagnose
from telemetry.commands.check.samples import Samples
from telemetry.export.catalog import outlets
from telemetry.export.destination import without_credentials
from telemetry.redaction.redactor import Redactor
from telemetry.settings import variables as v
from telemetry.settings.model import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.export.destination import Outlet
    from telemetry.settings import Settings
    from telemetry.settings.model import Signal

_ANSWERS = {
    "traces": ("trace", "ExportTraceServiceResponse"),
    "metrics": ("metrics", "ExportMetricsServiceResponse"),
    "logs": ("logs", "ExportLogsServiceResponse"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one thing at one destination."""

    what: str
    """`traces`, `metrics`, `logs` or `errors`."""
    exporter: str
    address: str
    arrived: bool | None
    """None where nothing is sent over a network."""
    seconds: float = 0.0
    problem: str = ""
    advice: str = ""
    look_at: str = ""
    """A page that shows it."""


@dataclass(frozen=True, slots=True)
class Report:
    """All of them."""

    service_name: str
    trace_id: str
    results: tuple[Result, ...]

    @property
    def all_arrived(self) -> bool:
        """Whether nothing was lost on the way."""
        return all(result.arrived is not False for result in self.results)


def probe(settings: Settings, timeout: float) -> Report:
    """Send one of each.

    Args:
        settings: of the host.
        timeout: seconds for each.
    """
    redactor = Redactor(settings.redaction)
    samples = Samples(settings, redactor)
    with _quiet():
        results = [
            result
            for signal in SIGNALS
            for result in _of_signal(settings, signal, redactor, samples, timeout)
        ]
        if settings.sentry is not None:
            results.append(_of_errors(settings, redactor, samples, timeout))
    return Report(settings.service_name, samples.trace_id, tuple(results))


def _of_signal(
    settings: Settings, signal: Signal, redactor: Redactor, samples: Samples, timeout: float
) -> Iterator[Result]:
    wires: dict[int, ObservingWire] = {}

    def wire(tally: Any) -> ObservingWire:
        return wires.setdefault(id(tally), ObservingWire(timeout))

    for outlet in outlets(settings, signal, redactor, wire):
        if outlet.name == "prometheus":
            yield _of_port(settings, outlet)
        elif outlet.name == "console":
            yield Result(signal, outlet.name, "", None)
        else:
            began = time.monotonic()
            content = _export(outlet, samples.of[signal])
            seconds = time.monotonic() - began
            found = _found(settings, outlet, wires.get(id(outlet.tally)), content)
            page = (settings.trace_url or "") if signal == "traces" else ""
            yield _result(outlet, seconds, found, page.replace("{trace_id}", samples.trace_id))


def _export(outlet: Outlet[Any], items: Any) -> bool:
    try:
        exporter = outlet.build()
        result = exporter.export(items)
        exporter.shutdown()
    except Exception:  # noqa: BLE001 - whatever it is, it didn't arrive
        return False
    return bool(result.name == "SUCCESS")


def _found(
    settings: Settings, outlet: Outlet[Any], wire: ObservingWire | None, content: bool
) -> Diagnosis | None:
    if wire is None or wire.answer == Answer():
        # Another package's exporter, or a session that another makes: its word is all there is.
        if content:
            return None
        return Diagnosis("export failed", "See the exporter's messages above.")
    protocol = settings.otlp[outlet.signal].protocol if outlet.name == "otlp" else "http/protobuf"
    own = (str(v.LOGFIRE_BASE_URL), str(v.LOGFIRE_TOKEN))
    to = Destination(
        protocol,
        *((str(v.OTLP_ENDPOINT), str(v.OTLP_HEADERS)) if outlet.name == "otlp" else own),
    )
    package, name = _ANSWERS[outlet.signal]
    module = f"opentelemetry.proto.collector.{package}.v1.{package}_service_pb2"
    return diagnose(wire.answer, to, getattr(importlib.import_module(module), name))


def _result(
    outlet: Outlet[Any], seconds: float, found: Diagnosis | None, look_at: str = ""
) -> Result:
    return Result(
        outlet.signal,
        outlet.name,
        outlet.address,
        found is None,
        seconds,
        found.problem if found else "",
        found.advice if found else "",
        look_at if found is None else "",
    )


def _of_port(settings: Settings, outlet: Outlet[Any]) -> Result:
    own = settings.prometheus
    address = f"http://{own.host}:{own.port}"
    try:
        with socket.create_server((own.host, own.port)):
            return Result(outlet.signal, outlet.name, address, None)
    except OSError as error:
        problem = f"port {own.port} is not available: {error.strerror or error}"
        return Result(
            outlet.signal,
            outlet.name,
            address,
            None,
            problem=problem,
            advice="Where the host runs, that is the host's; each worker takes the next free one.",
        )


def _of_errors(settings: Settings, redactor: Redactor, samples: Samples, timeout: float) -> Result:
    from telemetry.commands.check.errors import send_error

    began = time.monotonic()
    answer, event_id = send_error(settings, redactor, samples, timeout)
    seconds = time.monotonic() - began
    dsn = str(v.SENTRY_DSN)
    found = diagnose(answer, Destination("sentry", dsn, dsn))
    sentry = settings.sentry
    page = (sentry.event_url if sentry else None) or ""
    page = page.replace("{trace_id}", samples.trace_id).replace("{event_id}", event_id)
    address = without_credentials(sentry.dsn) if sentry else ""
    return Result(
        "errors",
        "sentry",
        address,
        found is None,
        seconds,
        found.problem if found else "",
        found.advice if found else "",
        page if found is None else "",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' own complaints: they are said better."""
    loggers = [logging.getLogger(name) for name in ("opentelemetry", "sentry_sdk", "urllib3")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
