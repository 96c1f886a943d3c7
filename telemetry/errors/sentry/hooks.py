"""Exceptions that reach the interpreter itself: a program's, a thread's, a callback's."""

from __future__ import annotations

import sqlite3
import sys
import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

from telemetry.errors import failures
from telemetry.errors.sqlite_functions import hold
from telemetry.failsafe import failed
from telemetry.request import request_record

if TYPE_CHECKING:
    from types import TracebackType

_STARTED_IN = "_telemetry_started_in"


def install_hooks() -> None:
    """Report what the interpreter would only print, and have it printed as before."""
    _watch_the_program()
    _watch_threads()
    _watch_callbacks()


def _watch_the_program() -> None:
    previous = sys.excepthook

    def excepthook(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        failures.report(error, "sys.excepthook")
        previous(kind, error, traceback)

    sys.excepthook = excepthook


def _watch_threads() -> None:
    previous_start, previous_hook = threading.Thread.start, threading.excepthook

    @wraps(previous_start)
    def start(thread: threading.Thread) -> None:
        # When a thread's exception gets to its hook, whatever context it had is
        # detached: it belongs to where it was started, unless a span ended by it.
        setattr(thread, _STARTED_IN, (failures.current_origin(), request_record()))
        previous_start(thread)

    def excepthook(args: Any) -> None:
        if args.exc_value is not None:
            origin, record = getattr(args.thread, _STARTED_IN, (None, None))
            failures.set_origin(args.exc_value, origin)
            if record is not None and record.ended:
                # What outlives a request is not that visitor's, nor ends with their patience.
                record = None
            failures.report(args.exc_value, "threading.excepthook", record)
        previous_hook(args)

    threading.Thread.start = start  # type: ignore[method-assign, assignment]
    threading.excepthook = excepthook


def _watch_callbacks() -> None:
    previous = sys.unraisablehook

    def unraisablehook(unraisable: Any) -> None:
        error = unraisable.exc_value
        kept = False
        try:
            kept = isinstance(error, Exception) and hold(error, unraisable.object)
        except Exception as problem:  # noqa: BLE001 # there is nobody above to catch it
            failed("errors.unraisable_hook", problem)
        # Printed as before, but for what comes with its request's error page.
        if not kept:
            previous(unraisable)

    sys.unraisablehook = unraisablehook
    # Or SQLite swallows what a function raises, and says only that it did.
    sqlite3.enable_callback_tracebacks(True)
