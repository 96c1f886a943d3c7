"""Which subdomains are registered, without a query for each request."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 2.0


@dataclass(frozen=True)
class RegisteredSite:
    subdomain: str
    name: str
    state: str


class DirectoryUnavailableError(Exception):
    """The sites were never read, so nobody can say whether one is registered."""


class SiteDirectory:
    """A snapshot of all registered sites, read again when it is two seconds old.

    One query for all of them: asking for each name would let forged Host
    headers reach the database at will. `load` reads them from wherever they
    are kept; while it fails, the last snapshot goes on being served.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[Mapping[str, RegisteredSite]]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._clock = clock
        self._sites: Mapping[str, RegisteredSite] | None = None
        self._error: Exception | None = None
        self._fresh_until = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, subdomain: str) -> RegisteredSite | None:
        """The site, or None. Raises DirectoryUnavailableError before a first read."""
        # Only one request waits for the database; the others have a snapshot
        # that was good enough two seconds ago.
        if self._sites is None or not self._lock.locked():
            async with self._lock:
                if self._clock() >= self._fresh_until:
                    await self._refresh()
        if self._sites is None:
            raise DirectoryUnavailableError("could not read the registered sites") from self._error
        return self._sites.get(subdomain)

    async def _refresh(self) -> None:
        try:
            self._sites = await self._load()
        except Exception as error:
            # Once an outage, not every two seconds.
            if self._error is None:
                logger.warning("Could not read the registered sites", exc_info=error)
            self._error = error
        else:
            self._error = None
        self._fresh_until = self._clock() + REFRESH_SECONDS
