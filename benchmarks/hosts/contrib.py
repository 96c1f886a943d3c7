"""The SDK with contrib's ASGI and Django instrumentation, as in their documentation.

Without receive and send spans, which are commonly excluded.
"""

import os

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.hosts.control import with_control
from benchmarks.hosts.root import build
from benchmarks.hosts.variables import RECEIVER
from telemetry.scope import ASGIApp


def _build() -> ASGIApp:
    receiver = os.environ[RECEIVER]
    resource = Resource.create({"service.name": "contrib"})
    tracer_provider = TracerProvider(resource=resource)
    spans = OTLPSpanExporter(endpoint=f"{receiver}/v1/traces")
    tracer_provider.add_span_processor(BatchSpanProcessor(spans))
    trace.set_tracer_provider(tracer_provider)
    points = OTLPMetricExporter(endpoint=f"{receiver}/v1/metrics")
    reader = PeriodicExportingMetricReader(points)
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))

    # Before the settings are named or after the application is built, it has no effect,
    # without an error.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    DjangoInstrumentor().instrument()
    observed: ASGIApp = OpenTelemetryMiddleware(build(), exclude_spans=["receive", "send"])
    return with_control(observed, tracer_provider.force_flush)


application = _build()
