"""One trace for each request across Django and Datasette.

Four names are all that a host needs::

    import telemetry

    telemetry.configure(default_service_name="my-host")  # first: reads the environment
    ...
    telemetry.instrument()  # after Django's settings, before its application
    application = telemetry.asgi_wrapper(application)  # outermost
    ...
    telemetry.set_site("alameda.ca")  # in the router

Importing this package loads neither the OpenTelemetry SDK nor any vendor, and
neither does `configure()` when the environment asks for nothing.
"""

from __future__ import annotations

from telemetry.configuration import (
    asgi_wrapper,
    configure,
    flush,
    instrument,
    report_errors,
)
from telemetry.errors import ConfigurationError, InstrumentationError, Problem, TelemetryError
from telemetry.quiet import quiet_datasette_errors
from telemetry.request import (
    RequestRecord,
    request_record,
    set_failure,
    set_outcome,
    set_site,
    trace_id,
)
from telemetry.version import __version__

__all__ = [
    "ConfigurationError",
    "InstrumentationError",
    "Problem",
    "RequestRecord",
    "TelemetryError",
    "__version__",
    "asgi_wrapper",
    "configure",
    "flush",
    "instrument",
    "quiet_datasette_errors",
    "report_errors",
    "request_record",
    "set_failure",
    "set_outcome",
    "set_site",
    "trace_id",
]
