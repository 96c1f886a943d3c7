"""Messages of start-up, which are logged before the host has set up logging.

`telemetry.configure` comes first in a host, and Django applies ``LOGGING`` later.
Without a handler, Python would print these messages without a format on standard
error. They are held until it is known how the host writes its log lines.
"""

from __future__ import annotations

import atexit
import logging
import os
from threading import Lock, Timer
from typing import TYPE_CHECKING

from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[logging.LogRecord], object]

MAX_MESSAGES = 1000
# A host that takes longer than this to set up logging has these messages without its format.
SECONDS = 5.0


def hold_messages() -> None:
    """Hold the messages of this package from now on, unless logging is set up already.

    They are written when `logging_config` or `asgi_wrapper` is called, when the next message
    comes after logging was set up, when the process ends, or after ``SECONDS``.
    """
    if logging.root.handlers or state.held_messages is not None:
        return
    held = state.held_messages = _HeldMessages()
    logging.getLogger("telemetry").addHandler(held)
    atexit.register(held.write_out)
    # The parent writes them.
    os.register_at_fork(after_in_child=held.discard)


def enable_loggers() -> None:
    """Enable the loggers of this package, which the host's configuration may have disabled.

    `logging.config` disables the loggers that exist already unless ``disable_existing_loggers``
    is False, and `telemetry.configure` comes before the host's set-up. A level turns them off.
    """
    for name, found in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] == "telemetry" and isinstance(found, logging.Logger):
            found.disabled = False


def release_messages(write: Write | None = None) -> None:
    """Write the messages that are held.

    Args:
        write: writes this message, and those that follow until logging is set up. Without it,
            they go to the handlers that there are.
    """
    held = state.held_messages
    if held is not None:
        held.write_out(write)


class _HeldMessages(logging.Handler):
    """Keeps records until `write_out`."""

    def __init__(self) -> None:
        super().__init__()
        self._records: list[logging.LogRecord] = []
        self._write: Write | None = None
        self._timer: Timer | None = None
        self._guard = Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record, or write it as `write_out` was told to."""
        if logging.root.handlers:
            # Logging was set up, so the record reaches its handlers without this one.
            self.write_out()
        elif self._write is not None:
            self._write(record)
        else:
            self._keep(record)

    def write_out(self, write: Write | None = None) -> None:
        """Write what is held; without ``write``, this handler is removed."""
        if write is None:
            logging.getLogger("telemetry").removeHandler(self)
        self._write = write
        for record in self._taken():
            if write is not None:
                write(record)
            else:
                logging.getLogger(record.name).callHandlers(record)

    def discard(self) -> None:
        """Forget what is held."""
        self._guard = Lock()
        self._records = []

    def _keep(self, record: logging.LogRecord) -> None:
        with self._guard:
            if len(self._records) < MAX_MESSAGES:
                self._records.append(record)
            if self._timer is None:
                self._timer = Timer(SECONDS, self.write_out)
                self._timer.daemon = True
                self._timer.start()

    def _taken(self) -> list[logging.LogRecord]:
        with self._guard:
            records, self._records = self._records, []
            if self._timer is not None:
                self._timer.cancel()
        return records
