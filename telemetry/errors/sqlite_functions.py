"""Exceptions of Python functions that SQLite calls.

SQLite replaces such an exception by an error that says only that something was
raised. With ``sqlite3.enable_callback_tracebacks`` Python passes the exception to
``sys.unraisablehook``, on the thread and in the context of the query. It is held
there until SQLite's error reaches an error page, or until the request ends without
one: Datasette responds to a client's query with 200 or 400.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.errors import failures
from telemetry.request import request_record

if TYPE_CHECKING:
    from telemetry.request import RequestRecord

MAX_KEPT = 8

_RAISED = (" raised exception", " raised error", " method not defined")


def hold(error: Exception, called: object) -> bool:
    """Hold an unraisable exception in its request's record.

    Args:
        error: the exception.
        called: the ``object`` that ``sys.unraisablehook`` is given.

    Returns:
        True if it was held; False if it was reported at once.
    """
    failures.set_origin(error, failures.current_origin())
    record = request_record()
    if record is None or not _may_be_a_callback(called):
        failures.report(error, "sys.unraisablehook", record)
        return False
    # A query that is run for each column raises the same exception each time.
    if len(record.unseen) < MAX_KEPT and _origin(error) not in map(_origin, record.unseen):
        record.unseen.append(error)
    return True


def is_callback_error(error: BaseException) -> bool:
    """Whether this is SQLite's error for an exception in a Python function."""
    # By name: Datasette uses the classes of pysqlite3 where that is installed.
    if type(error).__name__ != "OperationalError" or not error.args:
        return False
    # "user-defined function raised exception", "user-defined aggregate's 'step' method raised
    # error", or "method not defined" (CPython, Modules/_sqlite/connection.c).
    text = str(error.args[0])
    return text.startswith("user-defined ") and text.endswith(_RAISED)


def add_cause(error: BaseException, record: RequestRecord | None) -> None:
    """Set the ``__cause__`` of SQLite's error to the held exception."""
    if (
        record is not None
        and record.unseen
        and error.__cause__ is None
        and is_callback_error(error)
    ):
        error.__cause__ = record.unseen.pop()


def report_held(record: RequestRecord) -> list[Exception]:
    """Report and return the held exceptions that did not lead to an error page."""
    unseen, record.unseen = record.unseen, []
    for error in unseen:
        failures.report(error, "sys.unraisablehook", record)
    return unseen


def _may_be_a_callback(called: object) -> bool:
    return callable(called) and getattr(called, "__name__", "") != "__del__"


def _origin(error: Exception) -> tuple[object, ...]:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return type(error), None, None
    return type(error), traceback.tb_frame.f_code, traceback.tb_lineno
