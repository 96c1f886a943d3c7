"""A bounded pool of Datasettes, one for each site that was visited recently."""

import asyncio
import contextvars
import logging
import time
import traceback
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.sites.datasettes.files import DatabaseFile, SiteFolder
from config.sites.datasettes.kept import KeptDatasette
from config.sites.datasettes.metrics import count_eviction
from config.sites.datasettes.opening import UnreadableDatabaseError
from config.sites.datasettes.starter import FilesReplacedError, Starter
from config.sites.directory import DirectoryUnavailableError, RegisteredSite
from telemetry.scope import ASGIApp

logger = logging.getLogger(__name__)

CHECK_SECONDS = 0.5
"""Maximum age of the information about files on disk."""
RETRY_SECONDS = 1.0
"""Interval between attempts to start a site that failed, while its files are unchanged."""
SWEEP_SECONDS = 30.0
CLOSE_SECONDS = 10.0
REPLACED_SECONDS = 10.0
"""How long to keep trying to start a site while its files are being replaced."""


class NoDatabasesError(Exception):
    """The site is registered, but has no databases yet."""


class SiteUnavailableError(Exception):
    """The site has databases, but they can't be served now."""


@dataclass(slots=True)
class _Slot:
    """State of one site in the pool."""

    folder: SiteFolder
    site: RegisteredSite
    files: tuple[DatabaseFile, ...] = ()
    datasette: KeptDatasette | None = None
    failure: Exception | None = None
    reported: Exception | None = None
    """The last failure that was logged."""
    retry_at: float = 0.0
    checked_at: float = float("-inf")
    renewal: asyncio.Task[None] | None = None
    waiting: int = 0
    """Number of requests that await the renewal."""

    @property
    def idle(self) -> bool:
        """Whether its Datasette can be stopped without affecting a request."""
        leases = 0 if self.datasette is None else self.datasette.leases
        return leases == 0 and self.waiting == 0 and self.renewal is None


class DatasettePool:
    """Starts a site's Datasette on its first request, and keeps it for later ones.

    At most `room` are kept, more only while all are in use. Above that, the one that has
    been idle for longest is stopped. The files on disk are checked before a request if the
    last check is at least 0.5 s old, so that a replaced, added or deleted file has an
    effect from then on. Requests in progress end on the files they began with.

    Must be used on one event loop.
    """

    def __init__(
        self,
        sites_dir: Path,
        starter: Starter,
        *,
        room: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sites_dir = sites_dir
        self._starter = starter
        self._room = room
        self._clock = clock
        self._slots: dict[str, _Slot] = {}
        # Slots with a Datasette, the least recently used first.
        self._kept: OrderedDict[str, _Slot] = OrderedDict()
        # No longer used for new requests, but still by earlier ones.
        self._retiring: set[KeptDatasette] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def lease(self, site: RegisteredSite) -> AsyncIterator[ASGIApp]:
        """Provide the site's ASGI application for one request, until its response has ended.

        Raises NoDatabasesError or SiteUnavailableError.
        """
        datasette = await self._find(site)
        datasette.leases += 1
        try:
            yield datasette.app
        finally:
            datasette.leases -= 1
            if datasette in self._retiring and not datasette.leases:
                self._retiring.remove(datasette)
                self._stop(datasette)
            if site.subdomain in self._kept:
                self._kept.move_to_end(site.subdomain)
            self._make_room()

    async def sweep(
        self, find: Callable[[str], Awaitable[RegisteredSite | None]], every: float = SWEEP_SECONDS
    ) -> None:
        """Periodically stop idle Datasettes whose files or registration have changed.

        A deleted file occupies space on disk as long as it is open. `find` returns the
        site if it is still registered. Runs until it is cancelled.
        """
        while True:
            await asyncio.sleep(every)
            for slot in list(self._slots.values()):
                if await self._is_outdated(slot, find) and slot.idle:
                    self._forget(slot)

    async def close(self) -> None:
        """Shut every Datasette down: plugins' hooks, background tasks, databases."""
        self._closed = True
        renewals = [slot.renewal for slot in self._slots.values() if slot.renewal is not None]
        for renewal in renewals:
            renewal.cancel()
        await asyncio.gather(*renewals, return_exceptions=True)
        for slot in self._slots.values():
            self._replace(slot, None)
        # Still in use by requests that the server was to end before this.
        for datasette in self._retiring:
            self._stop(datasette)
        self._retiring.clear()
        if self._closing:
            await asyncio.wait(self._closing, timeout=CLOSE_SECONDS)
        if self._closing:
            logger.warning("%d Datasettes were still closing", len(self._closing))
        await asyncio.to_thread(self._starter.close)

    async def _is_outdated(
        self, slot: _Slot, find: Callable[[str], Awaitable[RegisteredSite | None]]
    ) -> bool:
        subdomain = slot.site.subdomain
        with suppress(DirectoryUnavailableError):
            if await find(subdomain) is None:
                return True
        if slot.datasette is None:
            return False
        try:
            # Not the slot's folder, which is not thread-safe and which a request may be using.
            look = SiteFolder(self._sites_dir, subdomain).look
            return await asyncio.to_thread(look) != slot.files
        except OSError:
            return True

    async def _find(self, site: RegisteredSite) -> KeptDatasette:
        if self._closed:
            raise SiteUnavailableError("the host is stopping")
        slot = self._slots.get(site.subdomain)
        if slot is None:
            slot = _Slot(SiteFolder(self._sites_dir, site.subdomain), site)
            self._slots[site.subdomain] = slot
        if slot.site != site or self._clock() >= slot.checked_at + CHECK_SECONDS:
            slot.waiting += 1
            try:
                await self._renew(slot, site)
            finally:
                slot.waiting -= 1
        # No await from here to the lease: the Datasette could be closed in between.
        if slot.datasette is not None:
            return slot.datasette
        if slot.failure is not None:
            raise SiteUnavailableError(_reason(slot.failure)) from slot.failure
        raise NoDatabasesError(site.subdomain)

    async def _renew(self, slot: _Slot, site: RegisteredSite) -> None:
        if slot.renewal is None:
            slot.renewal = _detached(self._renewal(slot, site))
        # Shielded: a client that disconnects must not cancel it for the others.
        await asyncio.shield(slot.renewal)

    async def _renewal(self, slot: _Slot, site: RegisteredSite) -> None:
        """Update the slot from the files on disk."""
        began = looked = self._clock()
        try:
            while True:
                try:
                    await self._bring_in_line(slot, site)
                    return
                except FilesReplacedError:
                    looked = self._clock()
                    if looked >= began + REPLACED_SECONDS:
                        raise
        except Exception as error:  # noqa: BLE001 # a plugin's hook may raise anything
            self._fail(slot, error)
        finally:
            slot.checked_at = looked
            slot.renewal = None

    async def _bring_in_line(self, slot: _Slot, site: RegisteredSite) -> None:
        files = await asyncio.to_thread(slot.folder.look)
        if files == slot.files and site == slot.site:
            failed = slot.failure is not None and self._clock() < slot.retry_at
            if failed or slot.datasette is not None or not files:
                return
        self._replace(slot, None)
        slot.site, slot.files, slot.failure = site, files, None
        if files:
            self._replace(slot, await self._starter.start(site, slot.folder, files))

    def _fail(self, slot: _Slot, error: Exception) -> None:
        if slot.reported is None or _reason(slot.reported) != _reason(error):
            # Once, not at each retry. SQLite's errors need no traceback.
            known = isinstance(error, UnreadableDatabaseError | OSError | FilesReplacedError)
            # A warning only: the failed request is reported as an error by itself.
            logger.warning(
                "The site %s can't be served: %s",
                slot.site.subdomain,
                _reason(error),
                exc_info=None if known else error,
            )
            # The exception is kept, but not the objects in its frames, such as a Datasette.
            traceback.clear_frames(error.__traceback__)
            slot.reported = error
        # The first one of its kind, so that the errors of all requests have the same cause.
        slot.failure = slot.reported
        slot.retry_at = self._clock() + RETRY_SECONDS
        self._replace(slot, None)

    def _replace(self, slot: _Slot, datasette: KeptDatasette | None) -> None:
        old, slot.datasette = slot.datasette, datasette
        if old is not None:
            if old.leases:
                self._retiring.add(old)
            else:
                self._stop(old)
        subdomain = slot.site.subdomain
        if datasette is None:
            self._kept.pop(subdomain, None)
        else:
            self._kept[subdomain] = slot
            self._kept.move_to_end(subdomain)
            self._make_room()

    def _make_room(self) -> None:
        while len(self._kept) > self._room:
            slot = next((slot for slot in self._kept.values() if slot.idle), None)
            if slot is None:
                # All are in use. The first whose requests have ended is stopped.
                return
            count_eviction()
            self._forget(slot)

    def _forget(self, slot: _Slot) -> None:
        self._replace(slot, None)
        self._slots.pop(slot.site.subdomain, None)

    def _stop(self, datasette: KeptDatasette) -> None:
        task = _detached(datasette.stop())
        self._closing.add(task)
        task.add_done_callback(self._stopped)

    def _stopped(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.warning("A Datasette did not shut down cleanly", exc_info=task.exception())


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _detached(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    # In an empty context: start-up and the background tasks begun there would
    # otherwise keep the trace of the first request.
    return asyncio.create_task(work, context=contextvars.Context())
