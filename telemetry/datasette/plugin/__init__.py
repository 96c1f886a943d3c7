"""The Datasette plugin that reports the exceptions behind Datasette's error pages.

Datasette handles exceptions itself, so code around it never sees them. Clients
still get Datasette's error page; the template of a 500 can show the trace id.
The plugin is registered once for the whole process, as all of Datasette's plugins
are.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from datasette import hookimpl
from opentelemetry import trace

from telemetry.datasette.output import quiet_datasette_tracebacks
from telemetry.datasette.sql_errors import is_client_error, is_interruption
from telemetry.datasette.tracer import in_datasette_client
from telemetry.errors import failures
from telemetry.errors.grouping import request_group
from telemetry.errors.sqlite_functions import add_cause
from telemetry.failsafe import failed
from telemetry.logs.context import CAUSE_GROUP
from telemetry.request import request_record, trace_id
from telemetry.state import state

if TYPE_CHECKING:
    from jinja2 import Environment

logger = logging.getLogger("datasette")


@hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]
def handle_exception(request: Any, exception: Exception) -> None:
    """Datasette's hook, called for each exception that becomes an error page, 404 included."""
    try:
        # Base400 and DatasetteError have a status; other exceptions become a 500.
        status = getattr(exception, "status", 500)
        if isinstance(status, int) and status < 500:
            return
        record = request_record()
        by_request = failures.find_cause(exception, record)
        # Without a record it is not known what the client has sent.
        client_error = is_client_error(exception) and (
            by_request or record is None or is_interruption(exception)
        )
        if client_error:
            failures.mark_reported(exception)
        else:
            add_cause(exception, record)
            failures.report(exception, "datasette", record)
        if state.own_log_lines:
            # Datasette would print the traceback after this hook.
            quiet_datasette_tracebacks()
            if record is None or record.outcome != "disconnected":
                _log(
                    exception,
                    str(getattr(request, "path", "")),
                    client_error=client_error,
                    by_request=by_request,
                )
        if in_datasette_client():
            # Not a failure of the page: the plugin that called datasette.client handles
            # the response.
            trace.get_current_span().record_exception(exception)
        elif record is not None:
            record.failure = exception
    except Exception as error:  # noqa: BLE001 # the page comes first
        failed("datasette.exception_hook", error)


def _log(error: Exception, path: str, *, client_error: bool, by_request: bool) -> None:
    # In Django's format. A query of a client that failed is not a failure of the host.
    path = path.partition("?")[0]
    # Without end, if a client likes: the exporters get as many as there are error events.
    extra = {CAUSE_GROUP: request_group(error)} if by_request else None
    if client_error:
        logger.warning("Query failed: %s: %s", path, error, extra=extra)
    else:
        logger.error("Internal Server Error: %s", path, exc_info=error, extra=extra)


@hookimpl  # type: ignore[untyped-decorator]
def prepare_jinja2_environment(env: Environment) -> None:
    """Datasette's hook: the function that ``500.html`` calls for the trace id."""
    globals_: dict[str, Any] = env.globals
    globals_["telemetry_trace_id"] = trace_id
