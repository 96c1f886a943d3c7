"""Sends samples to every configured destination."""

from __future__ import annotations

import errno
import importlib
import logging
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from telemetry.commands.check.diagnosis import Diagnosis, Target, diagnose
from telemetry.commands.check.samples import Samples
from telemetry.export.catalog import destinations
from telemetry.export.destination import without_credentials
from telemetry.export.encoding.requests import encode_request
from telemetry.export.exporters import encoded
from telemetry.redaction.redactor import Redactor
from telemetry.settings import variables as v
from telemetry.settings.model import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.commands.check.host import Host
    from telemetry.export.destination import Destination
    from telemetry.settings import Settings
    from telemetry.settings.model import Signal

_ANSWERS = {
    "traces": ("trace", "ExportTraceServiceResponse"),
    "metrics": ("metrics", "ExportMetricsServiceResponse"),
    "logs": ("logs", "ExportLogsServiceResponse"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one sample at one destination."""

    what: str
    """``traces``, ``metrics``, ``logs`` or ``errors``."""
    exporter: str
    address: str
    arrived: bool | None
    """None if nothing is sent over a network, or if the response can't be read."""
    seconds: float = 0.0
    problem: str = ""
    advice: str = ""
    look_at: str = ""
    """Address of a page that shows the sample."""


@dataclass(frozen=True, slots=True)
class Report:
    """All results."""

    service_name: str
    trace_id: str | None = None
    """Trace of the samples; None if there is no destination."""
    results: tuple[Result, ...] = ()
    host: Host | None = None
    """What was found in the host, if it was looked at."""

    @property
    def is_well(self) -> bool:
        """Whether no sample was lost, and nothing is in the way in the host."""
        return self.all_arrived and (self.host is None or self.host.is_well)

    @property
    def all_arrived(self) -> bool:
        """Whether no sample was lost."""
        return all(result.arrived is not False for result in self.results)


def probe(settings: Settings, timeout: float) -> Report:
    """Send one sample to each destination.

    Args:
        settings: Settings of the host.
        timeout: Seconds for each sample.
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
    for destination in destinations(settings, signal, redactor):
        if destination.name == "prometheus":
            yield _of_port(settings, destination)
        elif destination.name == "console":
            yield Result(signal, destination.name, "", None)
        else:
            began = time.monotonic()
            found = _problem(settings, destination, redactor, samples, timeout)
            seconds = time.monotonic() - began
            page = (settings.trace_url or "") if signal == "traces" else ""
            yield _result(destination, seconds, found, page.replace("{trace_id}", samples.trace_id))


def _problem(
    settings: Settings,
    destination: Destination[Any],
    redactor: Redactor,
    samples: Samples,
    timeout: float,
) -> Diagnosis | None:
    data = samples.of[destination.signal]
    if destination.build is not None:
        # The response can't be read: the exporter is another package's.
        return _of_exporter(destination.build, data)
    if destination.endpoint is None:
        return Diagnosis("nothing to send with", "This is a defect of the check: please report it.")
    try:
        client = destination.endpoint.make_client()
    except Exception as error:  # noqa: BLE001 # a credential provider's, or of a certificate's file
        return Diagnosis(
            f"no connection can be made ({type(error).__name__}: {error})",
            "Check the certificate files and the credential provider that are configured.",
        )
    request = encode_request(encoded(destination.signal, data, destination.endpoint, redactor))
    answer = client.send(request, timeout)
    client.close()
    otlp = (
        settings.otlp[destination.signal]
        if destination.name == "otlp" and destination.signal != "errors"
        else None
    )
    to = (
        Target(otlp.protocol, str(v.OTLP_ENDPOINT), str(v.OTLP_HEADERS), grpc_proxy=otlp.grpc_proxy)
        if otlp
        else Target(
            "http/protobuf", str(v.LOGFIRE_BASE_URL), str(v.LOGFIRE_TOKEN), certificate_variable=""
        )
    )
    package, name = _ANSWERS[destination.signal]
    module = f"opentelemetry.proto.collector.{package}.v1.{package}_service_pb2"
    return diagnose(answer, to, getattr(importlib.import_module(module), name))


def _of_exporter(build: Callable[[], Any], data: Any) -> Diagnosis | None:
    try:
        exporter = build()
        result = exporter.export(data)
        exporter.shutdown()
    except Exception:  # noqa: BLE001 - whatever it is, it didn't arrive
        result = None
    if result is not None and result.name == "SUCCESS":
        return None
    return Diagnosis("export failed", "See the exporter's messages above.")


def _result(
    destination: Destination[Any], seconds: float, found: Diagnosis | None, look_at: str = ""
) -> Result:
    return Result(
        destination.signal,
        destination.name,
        destination.address,
        found is None,
        seconds,
        found.problem if found else "",
        found.advice if found else "",
        look_at if found is None else "",
    )


def _of_port(settings: Settings, destination: Destination[Any]) -> Result:
    own = settings.prometheus
    address = own.address()
    arrived, problem, advice = None, "", ""
    try:
        # As the exporter does: by the first address of a name.
        family = socket.getaddrinfo(own.host, own.port, type=socket.SOCK_STREAM)[0][0]
        with socket.create_server((own.host, own.port), family=family):
            pass
    except OSError as error:
        reason = error.strerror or error
        if error.errno == errno.EADDRINUSE:
            problem = f"port {own.port} is not available: {reason}"
            advice = "Where the host runs, that is the host's; each worker takes the next free one."
        else:
            arrived, problem = False, f"the address can't be listened on: {reason}"
            advice = f"Check {v.PROMETHEUS_HOST}, an address of the host's machine, and "
            advice += f"{v.PROMETHEUS_PORT}."
    return Result(
        destination.signal,
        destination.name,
        address,
        arrived,
        problem=problem,
        advice=advice,
    )


def _of_errors(settings: Settings, redactor: Redactor, samples: Samples, timeout: float) -> Result:
    from telemetry.commands.check.errors import send_error

    began = time.monotonic()
    answer, event_id = send_error(settings, redactor, samples, timeout)
    seconds = time.monotonic() - began
    dsn = str(v.SENTRY_DSN)
    found = diagnose(answer, Target("sentry", dsn, dsn, str(v.SSL_CERT_FILE)))
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
    """Silence the exporters' log messages: the report explains their errors better."""
    loggers = [logging.getLogger(name) for name in ("opentelemetry", "sentry_sdk", "urllib3")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
