"""The public names, as literals: what is renamed or dropped by accident fails."""

from __future__ import annotations

from tests.support.paths import ROOT

API = (ROOT / "docs" / "api.md").read_text("utf-8")

PACKAGE = (
    "ConfigurationError",
    "DatasetteSpanProcessor",
    "InstrumentationError",
    "Problem",
    "RequestRecord",
    "TelemetryError",
    "__version__",
    "asgi_wrapper",
    "configure",
    "export_states",
    "flush",
    "instrument",
    "logging_config",
    "quiet_datasette_errors",
    "redact",
    "redact_event",
    "report_errors",
    "request_record",
    "set_failure",
    "set_outcome",
    "set_site",
    "trace_id",
)
TESTING = (
    "Capture",
    "EventReceiver",
    "OTLPReceiver",
    "ReceivedEnvelope",
    "ReceivedErrorEvent",
    "ReceivedEvent",
    "ReceivedItem",
    "ReceivedLink",
    "ReceivedLog",
    "ReceivedPoint",
    "ReceivedRequest",
    "ReceivedSpan",
    "assert_nothing_private",
)
BY_NAME = (
    "telemetry.asgi.edge.Edge",
    "telemetry.logs.bridge.LogBridge",
    "telemetry.logs.fields.RequestFields",
    "telemetry.logs.fields.add_request_fields",
)
DOCUMENTED = (
    *(f"telemetry.{name}" for name in PACKAGE if name != "__version__"),
    *(f"telemetry.testing.{name}" for name in TESTING),
    *BY_NAME,
)
"""All that can have a docstring."""

# The package creates these: their constructors are private, and gain parameters with each field.
CREATED_FOR_HOSTS = frozenset(
    {
        "telemetry.RequestRecord",
        *(f"telemetry.testing.{name}" for name in TESTING if name.startswith("Received")),
    }
)
# Of these, only some attributes are public.
ATTRIBUTES = {
    "telemetry.RequestRecord": {"method", "outcome", "route", "site"},
    "telemetry.asgi.edge.Edge": {"app"},
}
SETTINGS = ("active", "service_name", "release", "environment", "debug")
