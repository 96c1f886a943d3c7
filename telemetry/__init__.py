"""One trace for each request across Django and Datasette.

A host needs four functions::

    import telemetry

    telemetry.configure(default_service_name="my-host")  # first: reads the environment
    ...
    telemetry.instrument()  # after Django's settings, before its application
    application = telemetry.asgi_wrapper(application)  # outermost
    ...
    telemetry.set_site("alameda.ca")  # in the router

Importing this package imports neither the OpenTelemetry SDK nor a vendor's package.
`configure()` does not either, if the environment configures no telemetry.

The public interface is ``__all__`` here and in `telemetry.testing`, and what
`docs/api.md` lists besides. All other modules are private. The examples in the docstrings
are run by the tests, after ``import telemetry``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.configuration import (
    asgi_wrapper,
    configure,
    export_states,
    flush,
    instrument,
    redact_event,
    report_errors,
)
from telemetry.datasette.output import quiet_datasette_errors
from telemetry.exceptions import ConfigurationError, InstrumentationError, Problem, TelemetryError
from telemetry.logs.config import logging_config
from telemetry.redaction.additions import redact
from telemetry.request import (
    RequestRecord,
    request_record,
    set_failure,
    set_outcome,
    set_site,
    trace_id,
)
from telemetry.version import __version__

if TYPE_CHECKING:
    from telemetry.datasette.folding import DatasetteSpanProcessor

__all__ = [
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
]


def __getattr__(name: str) -> object:
    # Imported on first use: its base class is the SDK's.
    if name == "DatasetteSpanProcessor":
        from telemetry.datasette.folding import DatasetteSpanProcessor

        return DatasetteSpanProcessor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
