"""Child processes of multiprocessing: what they recorded is delivered when they end.

`atexit` does not run in a forked child, and `sys.excepthook` in no child. multiprocessing runs
finalizers of its own, within the `finally` of the exception that ends a child. SIGTERM skips
them, and ``with Pool() as pool`` ends its workers by SIGTERM.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import wrapt

from telemetry import private_api
from telemetry.errors import failures
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

CAUGHT_BY = "multiprocessing"
# Finalizers run by descending priority: what the others record is delivered too.
_LAST = -1_000_000
# Packages whose functions hold locks that delivery needs.
_LOCKING = frozenset({"telemetry", "opentelemetry", "sentry_sdk", "logging", "threading"})


class ChildProcesses:
    """Reports and delivers at the end of each child that multiprocessing starts.

    Children that are started by `os.fork` itself are left alone.

    Args:
        start_errors: starts error tracking, before a crash is reported.
        deliver: sends what waits, for at most ``timeout`` seconds. Starts no thread if nothing
            waits.
        timeout: seconds.
    """

    def __init__(
        self, start_errors: Callable[[], None], deliver: Callable[[], None], timeout: float
    ) -> None:
        self._start_errors = start_errors
        self._deliver = deliver
        self._timeout = timeout
        self._process_id = 0
        # Of this child: whether its end delivers now, the signal that arrived meanwhile, and what
        # the thread of an earlier signal releases.
        self._is_ending = False
        self._pending = 0
        self._delivered: Any = None

    def watch(self) -> None:
        """Watch from now on. multiprocessing is not imported for it.

        A child that is spawned has imported it before the host's modules.
        """
        wrapt.register_post_import_hook(self._imported, "multiprocessing.util")

    def _imported(self, _module: object) -> None:
        register = private_api.get(private_api.MULTIPROCESSING_CHILD)
        if register is None or private_api.get(private_api.MULTIPROCESSING_END) is None:
            return
        try:
            # Called in each child that is forked, before its target. Held weakly.
            register(self, ChildProcesses.begin)
            if _is_spawned():
                self.begin()
        except Exception as error:  # noqa: BLE001 # it would fail the host's import
            failed("processes", error)

    def begin(self) -> None:
        """Prepare for the end of this child."""
        at_end = private_api.get(private_api.MULTIPROCESSING_END)
        if at_end is None:
            return
        self._process_id = os.getpid()
        self._is_ending, self._pending, self._delivered = False, 0, None
        at_end(None, self._end, exitpriority=_LAST)
        # A server's handler, or the host's, stays. That of a parent that is a child is inherited.
        if signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, self._terminate):
            try:
                signal.signal(signal.SIGTERM, self._terminate)
            except ValueError:
                # Only the main thread may. Configured by another one, within the target.
                return

    def _end(self) -> None:
        # A pool ends its workers by SIGTERM while they return. What they have is sent once: this
        # goes on, and the signal takes effect after it.
        self._is_ending = True
        if self._delivered is not None:
            self._delivered.acquire(timeout=self._timeout)
            return
        try:
            error = sys.exc_info()[1]
            if isinstance(error, Exception):
                self._start_errors()
                failures.report(error, CAUGHT_BY)
            self._deliver()
        except Exception as problem:  # noqa: BLE001 # multiprocessing would print it
            failed("processes", problem)
        finally:
            if signal.getsignal(signal.SIGTERM) == self._terminate:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if self._pending:
                os.kill(os.getpid(), self._pending)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        # By the default action from now on: a second signal ends the process at once.
        signal.signal(number, signal.SIG_DFL)
        if self._is_ending and os.getpid() == self._process_id:
            self._pending = number
            return
        self._delivered = delivered = _thread.allocate_lock()
        delivered.acquire()
        try:
            if os.getpid() == self._process_id:
                # On another thread: this one may hold a lock that delivery needs, and goes on if
                # it may. Not by `threading`, whose locks it may hold too.
                _thread.start_new_thread(self._deliver_and_kill, (number, delivered))
                if _may_hold_locks(frame):
                    return
                delivered.acquire(timeout=self._timeout)
        except RuntimeError as problem:
            # No thread can be started.
            failed("processes", problem)
        os.kill(os.getpid(), number)

    def _deliver_and_kill(self, number: int, delivered: Any) -> None:
        try:
            self._deliver()
        except Exception as problem:  # noqa: BLE001 # it would be printed
            failed("processes", problem)
        finally:
            delivered.release()
            os.kill(os.getpid(), number)


def _may_hold_locks(frame: FrameType | None) -> bool:
    """Whether a signal has interrupted code that may hold a lock of telemetry."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in _LOCKING:
            return True
        frame = frame.f_back
    return False


def _is_spawned() -> bool:
    """Whether multiprocessing has started this process. Its parent is known from the target on."""
    multiprocessing = sys.modules["multiprocessing"]
    started = multiprocessing.parent_process() is not None
    return started or multiprocessing.current_process().name != "MainProcess"
