"""Readiness of this worker: the database responds, and the sites' folder can be read."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import connections

logger = logging.getLogger(__name__)

SECONDS = 2.0
"""Timeout of each check."""


@dataclass(frozen=True)
class Readiness:
    """Results of the checks: None for success, otherwise the class of the error."""

    database: str | None
    sites: str | None

    @property
    def ready(self) -> bool:
        return self.database is None and self.sites is None


class _Check:
    """One check, run in a thread and never twice at once, so that hanging checks can't add up."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._asked: asyncio.Future[None] | None = None

    async def problem(self) -> str | None:
        """Run the check. Returns the class of the error, or None."""
        loop = asyncio.get_running_loop()
        if self._asked is None or self._asked.done() or self._asked.get_loop() is not loop:
            self._asked = loop.run_in_executor(None, self._ask)
            # Retrieves the exception even if no request awaits the result any more.
            self._asked.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
        try:
            await asyncio.wait_for(asyncio.shield(self._asked), SECONDS)
        except Exception as error:  # noqa: BLE001 # whatever it is, it is an answer
            return type(error).__name__
        return None


def _ask_database() -> None:
    # This thread's connection, which Django never closes outside its request cycle.
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
    """Run both checks concurrently. Errors are logged, and not shown in the response."""
    found = Readiness(*await asyncio.gather(_database.problem(), _sites.problem()))
    if not found.ready:
        logger.warning(
            "not ready: database: %s, sites folder: %s",
            found.database or "ok",
            found.sites or "ok",
        )
    return found
