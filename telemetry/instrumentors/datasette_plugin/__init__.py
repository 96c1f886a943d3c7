"""Our plugin to Datasette: tells of the exceptions that it makes error pages of.

Datasette answers an exception itself, so nothing around it ever sees one. Its
error page stays what the visitor gets; a 500's names the trace besides. One
for the whole process, since Datasette's plugins are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datasette import hookimpl
from opentelemetry import trace

from telemetry import failures
from telemetry.adapters.datasette_tracer import in_datasette_client
from telemetry.adapters.sqlite_functions import explain
from telemetry.adapters.visitors_sql import is_visitors_own
from telemetry.failsafe import failed
from telemetry.request import request_record, trace_id

if TYPE_CHECKING:
    from jinja2 import Environment


@hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]
def handle_exception(exception: Exception) -> None:
    """Datasette's hook, called for whatever becomes an error page: 404s too."""
    try:
        # Base400's and DatasetteError's; another exception's page is a 500.
        status = getattr(exception, "status", 500)
        if isinstance(status, int) and status < 500:
            return
        record = request_record()
        if is_visitors_own(exception):
            failures.settle(exception)
        else:
            explain(exception, record)
            failures.report(exception, "datasette", record)
        if in_datasette_client():
            # Not the page's failure: whoever made the call decides what comes of it.
            trace.get_current_span().record_exception(exception)
        elif record is not None:
            record.failure = exception
    except Exception as error:  # noqa: BLE001 # the page comes first
        failed("Datasette's hook, at an exception", error)


@hookimpl  # type: ignore[untyped-decorator]
def prepare_jinja2_environment(env: Environment) -> None:
    """Datasette's hook: what our ``500.html`` shows."""
    globals_: dict[str, Any] = env.globals
    globals_["telemetry_trace_id"] = trace_id
