"""The host as its operator runs it: `OTEL_EXPORTER_OTLP_ENDPOINT` and no other variable."""

from opentelemetry import trace

from benchmarks.hosts.control import with_control
from config.asgi import application as observed

# Not telemetry.flush(): that also collects the metrics, which a server does
# once a minute, not once a round.
application = with_control(observed, trace.get_tracer_provider().force_flush)  # type: ignore[attr-defined]  # the SDK's own
