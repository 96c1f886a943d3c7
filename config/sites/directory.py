"""The registered sites, without a query for each request."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 2.0


@dataclass(frozen=True)
class RegisteredSite:
    """A registered site. `state` is empty if it is unknown."""

    subdomain: str
    name: str
    state: str
    pages: int | None = None
    last_updated: str | None = None

    @property
    def title(self) -> str:
        """Name and state, as in `Alameda, CA`."""
        return f"{self.name}, {self.state}" if self.state else self.name


class DirectoryUnavailableError(Exception):
    """The sites were never read, so that no site can be looked up."""


class SiteDirectory:
    """A snapshot of all registered sites, read again when it is two seconds old.

    One query reads all of them: with a query for each name, forged Host headers would
    cause any number of queries. `load` reads the sites. While it fails, the last
    snapshot is used.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[Mapping[str, RegisteredSite]]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._clock = clock
        self._snapshot: _Snapshot | None = None
        self._error: Exception | None = None
        self._fresh_until = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, subdomain: str) -> RegisteredSite | None:
        """Return the site, or None. Raises DirectoryUnavailableError before a first read."""
        return (await self._current()).sites.get(subdomain)

    async def all(self) -> Sequence[RegisteredSite]:
        """Return every site by name, as the same object until something changes.

        Raises DirectoryUnavailableError before a first read.
        """
        return (await self._current()).by_name

    async def _current(self) -> "_Snapshot":
        # Only one request waits for the database. The others use the snapshot, which
        # was valid two seconds ago.
        if self._snapshot is None or not self._lock.locked():
            async with self._lock:
                if self._clock() >= self._fresh_until:
                    await self._refresh()
        if self._snapshot is None:
            raise DirectoryUnavailableError("could not read the registered sites") from self._error
        return self._snapshot

    async def _refresh(self) -> None:
        try:
            sites = await self._load()
        except Exception as error:
            # Once for each outage, not every two seconds.
            if self._error is None:
                logger.warning("Could not read the registered sites", exc_info=error)
                self._error = error
        else:
            self._error = None
            # If nothing has changed, the same object is kept: nothing is sorted again, and
            # values derived from it stay valid.
            if self._snapshot is None or sites != self._snapshot.sites:
                self._snapshot = _Snapshot(sites, sorted(sites.values(), key=_order))
        self._fresh_until = self._clock() + REFRESH_SECONDS


@dataclass(frozen=True)
class _Snapshot:
    sites: Mapping[str, RegisteredSite]
    by_name: Sequence[RegisteredSite]


def _order(site: RegisteredSite) -> tuple[str, str]:
    return site.name.casefold(), site.subdomain
