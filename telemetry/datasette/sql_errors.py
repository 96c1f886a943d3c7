"""Classifies SQL errors: invalid queries of clients, and failures of the host."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from telemetry.registry import attributes as a

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

# Result codes for errors in a statement, not for a file, a disk or a lock
# (https://www.sqlite.org/rescode.html). SQLITE_SCHEMA is the code of a missing column in a
# statement without a table, `select nothing`.
_STATEMENTS = frozenset(
    {
        *("SQLITE_ERROR", "SQLITE_MISMATCH", "SQLITE_RANGE", "SQLITE_SCHEMA", "SQLITE_TOOBIG"),
        "SQLITE_INTERRUPT",
    }
)
# Packages that may be on the stack between a request and its query. Sentry's SDK wraps what is
# submitted to a pool of threads.
_PASSED = frozenset(
    {"datasette", "pluggy", "asyncinject", "opentelemetry", "sentry_sdk", "telemetry"}
)


def is_client_error(error: BaseException) -> bool:
    """Whether a query failed because of the client's URL.

    Datasette responds to most of these with 400, and to some with 500: a facet by a
    missing column, a time limit that was reached. Their tracebacks have frames of
    Datasette only. An error in a plugin's query, or in a damaged file, is a failure of
    the host.
    """
    if is_interruption(error):
        return True
    return is_statement_refused(error) and all(map(is_passed, _modules(error)))


def is_statement_refused(error: BaseException) -> bool:
    """Whether SQLite rejected a statement or Datasette interrupted it, a client's or the host's."""
    return result_code(error) in _STATEMENTS


def is_statement_error(span: ReadableSpan) -> bool:
    """Whether a span is of a query, or of a phase of one, whose statement was rejected."""
    return (span.attributes or {}).get(a.DB_RESPONSE_STATUS_CODE) in _STATEMENTS


def is_interruption(error: BaseException) -> bool:
    """Whether Datasette interrupted a query at its time limit."""
    return type(error).__name__ == "QueryInterrupted"


def result_code(error: BaseException) -> str | None:
    """The name of SQLite's result code, for example ``SQLITE_ERROR``, or None."""
    if is_interruption(error):
        # Datasette's exception: it has interrupted the query itself.
        return "SQLITE_INTERRUPT"
    code = getattr(error, "sqlite_errorname", None)
    return code if isinstance(code, str) else None


def is_passed(module: str) -> bool:
    """Whether a module is of Datasette, its plumbing, this package or the standard library."""
    package = module.partition(".")[0]
    return package in _PASSED or package in sys.stdlib_module_names


def _modules(error: BaseException) -> Iterator[str]:
    traceback = error.__traceback__
    while traceback is not None:
        yield str(traceback.tb_frame.f_globals.get("__name__", ""))
        traceback = traceback.tb_next
