"""Stops Datasette printing cookies, SQL and tracebacks on standard error."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import sys
from types import SimpleNamespace
from typing import Any

from opentelemetry.context import Context

from telemetry import private_api
from telemetry.request import request_record

logger = logging.getLogger("datasette")


def quiet_datasette_errors() -> None:
    """Stop Datasette printing a panel of local variables for every error page.

    When ``rich`` can be imported (logfire depends on it), Datasette's default
    ``handle_exception`` prints about 200 lines for each 404, with the values of the
    client's Authorization and Cookie headers. The hook is ``trylast`` but always
    runs, so no plugin can replace it. Its module supports a missing ``rich``, so
    the name is set to None, as if it were missing.

    `telemetry.instrument` calls it. Can be called more than once, and where Datasette is
    not installed.

    Example:
        >>> telemetry.quiet_datasette_errors()
    """
    if "datasette" not in sys.modules and importlib.util.find_spec("datasette") is None:
        return
    import datasette  # noqa: F401 # whose modules are changed

    private_api.replace(private_api.DATASETTE_RICH, None)


def quiet_datasette_tracebacks() -> None:
    """Stop Datasette printing the traceback of an exception that telemetry logs.

    Datasette's ``handle_exception`` calls ``traceback.print_exc()``, which prints on
    standard error and does not name the request. Can be called more than once.
    """
    private_api.replace(private_api.DATASETTE_TRACEBACK, SimpleNamespace(print_exc=lambda: None))


def quiet_datasette_statements() -> None:
    """Stop Datasette printing SQL statements and parameters on standard error.

    Datasette prints each failed statement with its parameters. This is dropped: the
    query's span records the failure. Other output about an exception, in a write or
    within a CSV file, becomes a log record, which is redacted. Can be called more
    than once.
    """
    for name in (private_api.DATASETTE_DATABASE_OUTPUT, private_api.DATASETTE_VIEW_OUTPUT):
        private_api.replace(name, _SysProxy())


def quiet_datasette_facets() -> None:
    """Stop Python's warnings about coroutines of facets that a failed page did not await.

    Datasette's table page creates the coroutines of all facets before it awaits the
    first. If one fails, the others are not awaited. The exception's traceback refers
    to them until it is collected, at shutdown or during another request, and Python
    then prints a warning for each. They are closed instead. Can be called more than
    once, and where Datasette has no such function.
    """
    run = private_api.get(private_api.DATASETTE_FACETS)
    if run is None or run.__module__ == __name__:
        return

    async def run_and_close(*awaitables: Any) -> Any:
        try:
            return await run(*awaitables)
        finally:
            for awaitable in awaitables:
                # Does nothing for a coroutine that has ended.
                if inspect.iscoroutine(awaitable):
                    awaitable.close()

    private_api.replace(private_api.DATASETTE_FACETS, run_and_close)


def quiet_datasette_propagation() -> None:
    """Stop Datasette parsing the trace context of a client behind the edge, which has done so.

    What it reads is not used there. A propagator logs what it can't parse: kilobytes that the
    client chose. Can be called more than once, and where Datasette has no telemetry of its own.
    """
    inner = private_api.get(private_api.DATASETTE_EXTRACT)
    if inner is None or inner.__module__ == __name__:
        return

    def extract(*args: Any, **kwargs: Any) -> Any:
        return inner(*args, **kwargs) if request_record() is None else Context()

    private_api.replace(private_api.DATASETTE_EXTRACT, extract)


class _SysProxy:
    """Proxy of `sys` with another ``stderr``."""

    def __init__(self) -> None:
        self.stderr = _LogStream()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


class _LogStream:
    def write(self, text: str) -> int:
        if not text.startswith("ERROR: conn="):
            logger.warning("%s", text.strip())
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""
