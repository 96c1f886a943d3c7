"""A pool over a folder of sites, its clock in the test's hand, and visitors of it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from config.sites.datasettes.pool import DatasettePool
from config.sites.datasettes.settings import SETTINGS
from config.sites.datasettes.starter import Starter
from config.sites.directory import RegisteredSite
from telemetry.scope import ASGIApp, Message
from tests.config.sites.support import get, make_database

ALAMEDA = RegisteredSite("alameda.ca", "Alameda", "CA")
ASHLAND = RegisteredSite("ashland.or", "Ashland", "OR")
ROW = "http://x/meetings/minutes/1.json?_shape=array"


class Clock:
    """A clock that moves when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Pool(DatasettePool):
    """A pool with the host's own settings, whose time is the test's."""

    def __init__(self, sites_dir: Path, *, room: int = 10) -> None:
        self.clock = Clock()
        starter = Starter(secret=lambda name: f"secret of {name}", settings=SETTINGS)
        super().__init__(sites_dir, starter, room=room, clock=self.clock)

    def later(self, seconds: float = 0.6) -> None:
        """Let enough time pass for the disk to be looked at again."""
        self.clock.now += seconds

    async def get(self, site: RegisteredSite, url: str = ROW) -> httpx.Response:
        """One request to a site's Datasette."""
        async with self.lease(site) as app:
            return await get(app, url)

    async def text(self, site: RegisteredSite) -> str:
        """The text of the site's first document."""
        answer = (await self.get(site)).json()
        return str(answer[0]["text"])

    async def settled(self) -> None:
        """Wait for what is closing."""
        while self._closing:
            await asyncio.wait(self._closing)


@asynccontextmanager
async def open_pool(sites_dir: Path, *, room: int = 10) -> AsyncIterator[Pool]:
    """A pool that is closed at the end, whatever happens."""
    pool = Pool(sites_dir, room=room)
    try:
        yield pool
    finally:
        await pool.close()


def main_database(sites_dir: Path, site: RegisteredSite) -> Path:
    """Where a site's main database lies."""
    return sites_dir / site.subdomain / "meetings.db"


def put(sites_dir: Path, site: RegisteredSite, *texts: str) -> Path:
    """Put a database with these documents in the place of what is there, as a deployment does."""
    path = main_database(sites_dir, site)
    unfinished = path.with_name(".unfinished.db")
    unfinished.unlink(missing_ok=True)
    make_database(unfinished, *(texts or (f"Minutes of {site.name}",)))
    os.replace(unfinished, path)
    return path


class SlowReader:
    """A client that takes a response chunk by chunk, when it is told to."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.body = b""
        self._room = asyncio.Semaphore(0)
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        scope = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"x")],
        }
        self._request = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def read(self) -> bytes:
        """The next chunk."""
        self._room.release()
        return await self._chunks.get()

    async def rest(self) -> bytes:
        """All that was sent, once the response has ended."""
        for _ in range(100_000):
            self._room.release()
        await self._request
        return self.body

    async def _receive(self) -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            await self._room.acquire()
            self.body += message["body"]
            self._chunks.put_nowait(message["body"])
