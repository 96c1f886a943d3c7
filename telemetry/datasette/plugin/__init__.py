"""Our plugin to Datasette: tells of the exceptions that it makes error pages of.

Datasette answers an exception itself, so nothing around it ever sees one. Its
error page stays what the visitor gets; a 500's names the trace besides. One
for the whole process, since Datasette's plugins are.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from datasette import hookimpl
from opentelemetry import trace

from telemetry.datasette.output import quiet_datasette_tracebacks
from telemetry.datasette.sql_errors import is_client_error
from telemetry.datasette.tracer import in_datasette_client
from telemetry.errors import failures
from telemetry.errors.sqlite_functions import add_cause
from telemetry.failsafe import failed
from telemetry.request import request_record, trace_id
from telemetry.scope import MAX_PATH
from telemetry.state import state

if TYPE_CHECKING:
    from jinja2 import Environment

logger = logging.getLogger("datasette")


@hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]
def handle_exception(request: Any, exception: Exception) -> None:
    """Datasette's hook, called for whatever becomes an error page: 404s too."""
    try:
        # Base400's and DatasetteError's; another exception's page is a 500.
        status = getattr(exception, "status", 500)
        if isinstance(status, int) and status < 500:
            return
        record = request_record()
        client_error = is_client_error(exception)
        if client_error:
            failures.mark_reported(exception)
        else:
            add_cause(exception, record)
            failures.report(exception, "datasette", record)
        if state.own_log_lines:
            # Datasette would print the traceback, after this.
            quiet_datasette_tracebacks()
            if record is None or record.outcome != "disconnected":
                _log(exception, str(getattr(request, "path", "")), client_error=client_error)
        if in_datasette_client():
            # Not the page's failure: whoever made the call decides what comes of it.
            trace.get_current_span().record_exception(exception)
        elif record is not None:
            record.failure = exception
    except Exception as error:  # noqa: BLE001 # the page comes first
        failed("datasette.exception_hook", error)


def _log(error: Exception, path: str, *, client_error: bool) -> None:
    # As Django logs its own. What a visitor's query could not do is not the host's fault.
    path = path.partition("?")[0][:MAX_PATH]
    if client_error:
        logger.warning("Query failed: %s: %s", path, error)
    else:
        logger.error("Internal Server Error: %s", path, exc_info=error)


@hookimpl  # type: ignore[untyped-decorator]
def prepare_jinja2_environment(env: Environment) -> None:
    """Datasette's hook: what our ``500.html`` shows."""
    globals_: dict[str, Any] = env.globals
    globals_["telemetry_trace_id"] = trace_id
