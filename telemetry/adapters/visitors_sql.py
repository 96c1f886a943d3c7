"""Errors that SQLite finds in a query that a visitor put together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is wrong with a statement, as opposed to what is wrong with a file, a
# disk or a lock (https://www.sqlite.org/rescode.html).
_STATEMENTS = frozenset(
    {"SQLITE_ERROR", "SQLITE_MISMATCH", "SQLITE_RANGE", "SQLITE_TOOBIG", "SQLITE_INTERRUPT"}
)
# What runs between a request and its query, beside Datasette itself.
_PASSED = frozenset({"datasette", "pluggy", "asyncinject", "opentelemetry", "telemetry"})


def is_visitors_own(error: BaseException) -> bool:
    """Whether a visitor's address is what made this query fail.

    Datasette answers most with 400, and some with 500: a facet by a column that
    is not there, a time limit that was reached. Those come out of its own code
    only; a plugin's query, or a damaged file, is the host's own fault.
    """
    if _is_interrupted(error):
        return True
    return is_of_a_statement(error) and all(map(_is_passed, _modules(error)))


def is_of_a_statement(error: BaseException | None) -> bool:
    """Whether SQLite refused a statement, or Datasette stopped it: anybody's, a visitor's too."""
    return _is_interrupted(error) or getattr(error, "sqlite_errorname", None) in _STATEMENTS


def _is_interrupted(error: BaseException | None) -> bool:
    return type(error).__name__ == "QueryInterrupted"


def _is_passed(module: str) -> bool:
    package = module.partition(".")[0]
    return package in _PASSED or package in sys.stdlib_module_names


def _modules(error: BaseException) -> Iterator[str]:
    traceback = error.__traceback__
    while traceback is not None:
        yield str(traceback.tb_frame.f_globals.get("__name__", ""))
        traceback = traceback.tb_next
