"""The host as its operator runs it: `OTEL_EXPORTER_OTLP_ENDPOINT` and no other variable."""

from opentelemetry import _logs, trace

from benchmarks.hosts.control import with_control
from config.asgi import application as observed


def _flush() -> None:
    # Not telemetry.flush(): that also collects the metrics, which a server does
    # once a minute, not once a round.
    for provider in (trace.get_tracer_provider(), _logs.get_logger_provider()):
        provider.force_flush()  # type: ignore[union-attr]  # the SDK's own


application = with_control(observed, _flush)
