"""OTLP over HTTP and gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from telemetry.exporters.attempts import Attempts, CountingSession

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

    from telemetry.exporters.outlet import Tally
    from telemetry.settings import OTLPSettings

E = TypeVar("E")


def span_exporter(settings: OTLPSettings, tally: Tally) -> SpanExporter:
    """The SDK's own exporter for the protocol, whose retries are counted."""
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
            OTLPSpanExporter as GRPCSpanExporter,
        )

        return _counted(GRPCSpanExporter(**_grpc(settings)), tally)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(**_http(settings, tally))


def metric_exporter(settings: OTLPSettings, tally: Tally) -> MetricExporter:
    """The SDK's own exporter for the protocol, whose retries are counted."""
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
            OTLPMetricExporter as GRPCMetricExporter,
        )

        return _counted(GRPCMetricExporter(**_grpc(settings)), tally)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter(**_http(settings, tally))


def log_exporter(settings: OTLPSettings, tally: Tally) -> LogRecordExporter:
    """The SDK's own exporter for the protocol, whose retries are counted."""
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (
            OTLPLogExporter as GRPCLogExporter,
        )

        return _counted(GRPCLogExporter(**_grpc(settings)), tally)
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    return OTLPLogExporter(**_http(settings, tally))


def _http(settings: OTLPSettings, tally: Tally) -> dict[str, Any]:
    from opentelemetry.exporter.otlp.proto.http import Compression

    return {
        "endpoint": settings.endpoint,
        "headers": dict(settings.headers),
        "timeout": settings.timeout,
        "compression": Compression(settings.compression),
        "certificate_file": settings.certificate,
        "client_key_file": settings.client_key,
        "client_certificate_file": settings.client_certificate,
        # A credential provider's session is the operator's own, and isn't counted.
        "session": None if settings.credential_provider else CountingSession(tally.retry),
    }


def _grpc(settings: OTLPSettings) -> dict[str, Any]:
    from grpc import Compression, ssl_channel_credentials

    options: dict[str, Any] = {
        "endpoint": settings.endpoint,
        "headers": dict(settings.headers),
        "timeout": settings.timeout,
        "compression": Compression.Gzip
        if settings.compression == "gzip"
        else Compression.NoCompression,
        "insecure": settings.insecure,
    }
    if settings.certificate or settings.client_certificate:
        options["credentials"] = ssl_channel_credentials(
            _read(settings.certificate),
            _read(settings.client_key),
            _read(settings.client_certificate),
        )
    return options


def _counted(exporter: E, tally: Tally) -> E:
    """The exporter; it encodes the batch for each attempt, which is where one can be told."""
    attempts = Attempts(tally.retry)
    encoding: Any = exporter
    encode = encoding._translate_data

    def encoded(batch: Any) -> Any:
        attempts.begin(batch)
        return encode(batch)

    encoding._translate_data = encoded
    return exporter


def _read(path: str | None) -> bytes | None:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()
