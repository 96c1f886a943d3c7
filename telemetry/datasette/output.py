"""What Datasette prints by itself: visitors' cookies, and tracebacks that are logged besides."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import sys
from types import SimpleNamespace
from typing import Any

from telemetry import private_api

logger = logging.getLogger("datasette")


def quiet_datasette_errors() -> None:
    """Stop Datasette printing a panel of local variables for every error page.

    When ``rich`` can be imported, and logfire brings it, Datasette's default
    ``handle_exception`` prints about 200 lines for each 404, the visitor's
    Authorization and Cookie values among them. The hook is ``trylast`` but
    always runs, so no plugin can replace it; its module takes a missing
    ``rich`` in its stride, and that is the state this leaves it in.

    Safe to call more than once, and where Datasette is not installed.
    """
    if "datasette" not in sys.modules and importlib.util.find_spec("datasette") is None:
        return
    import datasette  # noqa: F401 # whose modules are changed

    private_api.replace(private_api.DATASETTE_RICH, None)


def quiet_datasette_tracebacks() -> None:
    """Stop Datasette printing the traceback of what it answers with 500, where we log it.

    Its ``handle_exception`` calls ``traceback.print_exc()``, on standard error and
    without a word of the request. Safe to call more than once.
    """
    private_api.replace(private_api.DATASETTE_TRACEBACK, SimpleNamespace(print_exc=lambda: None))


def quiet_datasette_statements() -> None:
    """Stop Datasette writing to standard error what visitors typed.

    Of each statement that fails it prints all of the SQL and its parameters: that
    goes, the span of the query tells of it. What else it prints of an exception,
    of a write or within a CSV file, becomes a log line, which is redacted. Safe
    to call more than once.
    """
    for name in (private_api.DATASETTE_DATABASE_OUTPUT, private_api.DATASETTE_VIEW_OUTPUT):
        private_api.replace(name, _Sys())


def quiet_datasette_facets() -> None:
    """Stop Python warning of facets' coroutines that a failed page leaves unawaited.

    Datasette's table page makes the coroutines of all facets before it awaits the
    first, so one that fails leaves the others. They stay in the exception's
    traceback until that is collected, when the server stops or in the midst of
    another request, and Python then prints a warning for each. They are closed
    instead. Safe to call more than once, and where Datasette has no such function.
    """
    run = private_api.get(private_api.DATASETTE_FACETS)
    if run is None or run.__module__ == __name__:
        return

    async def run_and_close(*awaitables: Any) -> Any:
        try:
            return await run(*awaitables)
        finally:
            for awaitable in awaitables:
                # Does nothing to one that has ended.
                if inspect.iscoroutine(awaitable):
                    awaitable.close()

    private_api.replace(private_api.DATASETTE_FACETS, run_and_close)


class _Sys:
    """Python's `sys`, but for where errors are written."""

    def __init__(self) -> None:
        self.stderr = _ToLog()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


class _ToLog:
    def write(self, text: str) -> int:
        if not text.startswith("ERROR: conn="):
            logger.warning("%s", text.strip())
        return len(text)

    def flush(self) -> None:
        """Nothing is held."""
