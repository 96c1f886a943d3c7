"""The host as in production, with `OTEL_EXPORTER_OTLP_ENDPOINT` and no other variable."""

from opentelemetry import _logs, trace

from benchmarks.hosts.control import with_control
from config.asgi import application as observed


def _flush() -> None:
    # Not telemetry.flush(), which also collects the metrics. A server does that
    # once a minute, not once a round.
    for provider in (trace.get_tracer_provider(), _logs.get_logger_provider()):
        provider.force_flush()  # type: ignore[union-attr]  # the SDK's own


application = with_control(observed, _flush)
