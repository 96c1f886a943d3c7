"""From a server's logger to the root's handlers, whatever the server makes of it."""

from __future__ import annotations

import logging


class ToRoot(logging.Handler):
    """Hands a record on to the root logger.

    ``uvicorn_worker.UvicornWorker`` gives uvicorn's logger the very list that
    gunicorn's has its handlers in, and lets it not propagate. Where that comes
    after ours, with ``--preload``, the list must not be empty; where it comes
    before, what is in it must not be written twice.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        """Without `logging`'s lock: it holds nothing."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Hand it on."""
        logging.getLogger().handle(record)
