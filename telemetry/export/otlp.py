"""OTLP exporters over HTTP and gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

    from telemetry.export.transport import Transport
    from telemetry.settings import OTLPSettings


def span_exporter(settings: OTLPSettings, transport: Transport) -> SpanExporter:
    """Return the SDK's span exporter for the protocol, with the given transport."""
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
            OTLPSpanExporter as GRPCSpanExporter,
        )

        return transport.watched(GRPCSpanExporter(**_grpc(settings)))
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(**_http(settings, transport))


def metric_exporter(settings: OTLPSettings, transport: Transport) -> MetricExporter:
    """Return the SDK's metric exporter for the protocol, with the given transport."""
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
            OTLPMetricExporter as GRPCMetricExporter,
        )

        return transport.watched(GRPCMetricExporter(**_grpc(settings)))
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter(**_http(settings, transport))


def log_exporter(settings: OTLPSettings, transport: Transport) -> LogRecordExporter:
    """Return the SDK's log exporter for the protocol, with the given transport."""
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (
            OTLPLogExporter as GRPCLogExporter,
        )

        return transport.watched(GRPCLogExporter(**_grpc(settings)))
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    return OTLPLogExporter(**_http(settings, transport))


def _http(settings: OTLPSettings, transport: Transport) -> dict[str, Any]:
    from opentelemetry.exporter.otlp.proto.http import Compression

    return {
        "endpoint": settings.endpoint,
        "headers": dict(settings.headers),
        "timeout": settings.timeout,
        "compression": Compression(settings.compression),
        "certificate_file": settings.certificate,
        "client_key_file": settings.client_key,
        "client_certificate_file": settings.client_certificate,
        # A credential provider creates its own session, whose retries are not counted.
        "session": None if settings.credential_provider else transport.session(),
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


def _read(path: str | None) -> bytes | None:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()
