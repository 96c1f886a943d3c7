"""Whether this worker can serve: its database answers, and the sites' folder can be read."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import connections

logger = logging.getLogger(__name__)

SECONDS = 2.0
"""How long an answer may take to be one."""


@dataclass(frozen=True)
class Readiness:
    """What was found; None is well, and a class of error is not."""

    database: str | None
    sites: str | None

    @property
    def ready(self) -> bool:
        return self.database is None and self.sites is None


class _Check:
    """One question, asked in a thread and never twice at once: what hangs, hangs once."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._asked: asyncio.Future[None] | None = None

    async def problem(self) -> str | None:
        """The class of what is wrong, or None."""
        loop = asyncio.get_running_loop()
        if self._asked is None or self._asked.done() or self._asked.get_loop() is not loop:
            self._asked = loop.run_in_executor(None, self._ask)
            # Nobody may be there any more when it is answered.
            self._asked.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
        try:
            await asyncio.wait_for(asyncio.shield(self._asked), SECONDS)
        except Exception as error:  # noqa: BLE001 # whatever it is, it is an answer
            return type(error).__name__
        return None


def _ask_database() -> None:
    # A connection of this thread's own, which nobody else would ever close.
    connection = connections["default"]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _ask_folder() -> None:
    with os.scandir(settings.SITES_DIR):
        pass


_database, _sites = _Check(_ask_database), _Check(_ask_folder)


async def readiness() -> Readiness:
    """Look at both, at once. Why something is not well is logged, and told to no visitor."""
    found = Readiness(*await asyncio.gather(_database.problem(), _sites.problem()))
    if not found.ready:
        logger.warning(
            "not ready: database: %s, sites folder: %s",
            found.database or "ok",
            found.sites or "ok",
        )
    return found
