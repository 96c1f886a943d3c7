"""Errors that SQLite finds in a query that a visitor put together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from telemetry.registry import attributes as a

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

# What is wrong with a statement, as opposed to what is wrong with a file, a
# disk or a lock (https://www.sqlite.org/rescode.html).
_STATEMENTS = frozenset(
    {"SQLITE_ERROR", "SQLITE_MISMATCH", "SQLITE_RANGE", "SQLITE_TOOBIG", "SQLITE_INTERRUPT"}
)
# What runs between a request and its query, beside Datasette itself.
_PASSED = frozenset({"datasette", "pluggy", "asyncinject", "opentelemetry", "telemetry"})


def is_client_error(error: BaseException) -> bool:
    """Whether a visitor's address is what made this query fail.

    Datasette answers most with 400, and some with 500: a facet by a column that
    is not there, a time limit that was reached. Those come out of its own code
    only; a plugin's query, or a damaged file, is the host's own fault.
    """
    if type(error).__name__ == "QueryInterrupted":
        return True
    return is_of_a_statement(error) and all(map(_is_passed, _modules(error)))


def is_of_a_statement(error: BaseException) -> bool:
    """Whether SQLite refused a statement, or Datasette stopped it: anybody's, a visitor's too."""
    return result_code(error) in _STATEMENTS


def is_statement_error(span: ReadableSpan) -> bool:
    """Whether a span is of a query, or of a part of one, whose statement was refused."""
    return (span.attributes or {}).get(a.DB_RESPONSE_STATUS_CODE) in _STATEMENTS


def result_code(error: BaseException) -> str | None:
    """SQLite's name of its result code, where an error has one."""
    if type(error).__name__ == "QueryInterrupted":
        # Datasette's, which has stopped the query itself.
        return "SQLITE_INTERRUPT"
    code = getattr(error, "sqlite_errorname", None)
    return code if isinstance(code, str) else None


def _is_passed(module: str) -> bool:
    package = module.partition(".")[0]
    return package in _PASSED or package in sys.stdlib_module_names


def _modules(error: BaseException) -> Iterator[str]:
    traceback = error.__traceback__
    while traceback is not None:
        yield str(traceback.tb_frame.f_globals.get("__name__", ""))
        traceback = traceback.tb_next
