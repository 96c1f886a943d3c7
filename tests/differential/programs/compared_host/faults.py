"""The exception that each failure of the host is, and common ways to fail."""

from __future__ import annotations

import logging
import threading

logger = logging.getLogger("compared.host")


class FaultError(Exception):
    """A failure of the host; its text names which."""


def fail(name: str) -> None:
    raise FaultError(name)


def fail_in_thread() -> None:
    thread = threading.Thread(target=fail, args=("in a thread",))
    thread.start()
    thread.join()


def fail_with_cause() -> None:
    try:
        fail("the cause")
    except FaultError as error:
        raise LookupError("raised from a cause") from error


def log_everything() -> None:
    """Log records of each level, with arguments, extra fields, an exception and secrets."""
    logger.debug("a debug message")
    logger.info("an %s message with %d arguments", "informational", 2)
    logger.info("a message with fields", extra={"pages": 3, "names": ["a", "b"], "ratio": 0.5})
    logger.warning("a warning for someone@example.org with password=hunter2hunter2")
    logger.info("a request of https://user:secret-word@example.org/?token=abc&q=words")
    logger.info("odd text \x1b[31m \x00 %s", {"a": object})
    logging.getLogger("another.logger").info("from another logger")
    try:
        fail("logged")
    except FaultError:
        logger.warning("a warning with its exception", exc_info=True)
