"""Reports exceptions that reach the interpreter: of the program, a thread or a callback."""

from __future__ import annotations

import sqlite3
import sys
import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context, get_current

from telemetry.errors import failures
from telemetry.errors.sqlite_functions import hold
from telemetry.failsafe import failed
from telemetry.request import RECORD_KEY, request_record

if TYPE_CHECKING:
    from types import TracebackType

    from telemetry.errors.failures import Origin
    from telemetry.request import RequestRecord

_STARTED_IN = "_telemetry_started_in"


def install_hooks() -> None:
    """Report the exceptions that the interpreter only prints. The previous hooks still run."""
    _wrap_program_hook()
    _wrap_thread_hook()
    _wrap_unraisable_hook()


def _wrap_program_hook() -> None:
    previous = sys.excepthook

    def excepthook(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        failures.report(error, "sys.excepthook")
        previous(kind, error, traceback)

    sys.excepthook = excepthook


def _wrap_thread_hook() -> None:
    previous_start, previous_hook = threading.Thread.start, threading.excepthook

    @wraps(previous_start)
    def start(thread: threading.Thread) -> None:
        # When a thread's exception reaches the hook, the thread's context is detached
        # already. The exception is attributed to the span that started the thread,
        # unless a span within the thread recorded it.
        # Django starts threads for each request: the origin is made for a failure only.
        context = get_current()
        record: Any = context.get(RECORD_KEY)
        is_outside = record is None or record.ended
        setattr(thread, _STARTED_IN, failures.current_origin() if is_outside else context)
        previous_start(thread)

    def excepthook(args: Any) -> None:
        if args.exc_value is not None:
            origin, record = started_in(args.thread)
            failures.set_origin(args.exc_value, origin)
            failures.report(args.exc_value, "threading.excepthook", record)
        previous_hook(args)

    threading.Thread.start = start  # type: ignore[method-assign, assignment]
    threading.excepthook = excepthook


def started_in(thread: threading.Thread | None) -> tuple[Origin | None, RequestRecord | None]:
    """The span and the request in which a thread was started."""
    found: Context | Origin | None = getattr(thread, _STARTED_IN, None)
    if not isinstance(found, Context):
        return found, None
    context = trace.get_current_span(found).get_span_context()
    # A thread that outlives its request is not part of it, and its failure is not a
    # consequence of the client's disconnect.
    record = request_record(found)
    return failures.Origin.of(context) if context.is_valid else None, record


def _wrap_unraisable_hook() -> None:
    previous = sys.unraisablehook

    def unraisablehook(unraisable: Any) -> None:
        error = unraisable.exc_value
        held = False
        try:
            held = isinstance(error, Exception) and hold(error, unraisable.object)
        except Exception as problem:  # noqa: BLE001 # a hook has no caller to handle it
            failed("errors.unraisable_hook", problem)
        # A held exception is not printed: it is reported with its request.
        if not held:
            previous(unraisable)

    sys.unraisablehook = unraisablehook
    # Otherwise SQLite reports only that a function raised something.
    sqlite3.enable_callback_tracebacks(True)
