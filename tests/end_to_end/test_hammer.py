"""Eviction, replacement and slow streams at once, every body checked against SQLite."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import threading
import time
from collections import Counter
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.end_to_end.editions import SERVED_WITHIN_SECONDS, Editions, publish_until
from tests.support import web
from tests.support.host import add_sites, migrated_host
from tests.support.servers import serve_uvicorn
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.servers import Server

CLIENTS = 64
SITES = 12
ROOM = 4


def _rows_of_json(body: str) -> dict[str, str]:
    rows: list[dict[str, str]] = httpx.Response(200, text=body).json()
    return {row["id"]: row["text"] for row in rows}


def _rows_of_csv(body: str) -> dict[str, str]:
    return {row["id"]: row["text"] for row in csv.DictReader(io.StringIO(body))}


def _rows_of_stream(body: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in body.splitlines())


# Path, how its body reads, and how long the client takes over each chunk.
PAGES: list[tuple[str, Callable[[str], dict[str, str]], float]] = [
    ("/meetings/minutes.json?_shape=array&_size=max", _rows_of_json, 0),
    ("/meetings/minutes.csv?_size=max", _rows_of_csv, 0.01),
    ("/-/rows", _rows_of_stream, 0.02),
]


class Client:
    """Asks one site after the other, and keeps what was wrong."""

    def __init__(self, server: Server, sites: list[Editions], seed: int) -> None:
        self._server = server
        self._sites = sites
        self._random = Random(seed)
        self.served: Counter[str] = Counter()
        self.wrong: list[str] = []
        # Seconds: how outdated what was served was when it was asked for, and how long it took
        # until an answer began.
        self.oldest = 0.0
        self.slowest = 0.0

    async def run(self, http: httpx.AsyncClient, until: float) -> None:
        """Send requests, one at a time, until then."""
        while time.monotonic() < until:
            site = self._random.choice(self._sites)
            path, read, pause = self._random.choice(PAGES)
            problem = await self._visit(http, site, path, read, pause)
            self.served[path] += 1
            if problem:
                self.wrong.append(f"{site.name}{path}: {problem}")

    async def _visit(
        self,
        http: httpx.AsyncClient,
        site: Editions,
        path: str,
        read: Callable[[str], dict[str, str]],
        pause: float,
    ) -> str | None:
        began = time.monotonic()
        host = f"{site.name}.localhost:{self._server.port}"
        body = b""
        request = http.stream("GET", self._server.url + path, headers={"host": host})
        async with request as response:
            self.slowest = max(self.slowest, time.monotonic() - began)
            async for chunk in response.aiter_raw():
                body += chunk
                await asyncio.sleep(pause)
        ended = time.monotonic()
        if response.status_code != 200:
            return f"{response.status_code} {body[:200]!r}"
        edition = site.found(read(body.decode()))
        if edition is None or not site.is_out(edition, ended):
            return f"edition {edition}: {body[:300]!r}"
        self.oldest = max(self.oldest, site.age(edition, began))
        return None


@pytest.mark.timeout(3600)
def test_every_body_is_one_edition_of_its_site(tmp_path: Path, soak: bool) -> None:
    """64 clients, 12 sites with room for 4, 20 replacements a second; nothing is dropped."""
    seconds = 60 if soak else 8
    env = migrated_host(tmp_path, SITES_POOL_SIZE=str(ROOM))
    names = [f"town{number}.ca" for number in range(SITES)]
    add_sites(env, [(name, name.title(), "CA", None) for name in names])
    count = 4 + 3 * seconds
    sites = [Editions(name, tmp_path / "sites", tmp_path / "archive", count) for name in names]

    with serve_uvicorn("tests.end_to_end.hammered_host:application", env=env) as server:
        clients = [Client(server, sites, seed) for seed in range(CLIENTS)]
        with _publishing(sites):
            peaks = asyncio.run(_hammer(server, clients, seconds))
        server.stop()
        output = server.output()

    wrong = [problem for client in clients for problem in client.wrong]
    assert wrong[:5] == []
    # A busy server is as late in looking at its files as its slowest answer shows.
    slowest = max(client.slowest for client in clients)
    oldest = max(client.oldest for client in clients)
    assert oldest <= SERVED_WITHIN_SECONDS + slowest
    served = sum((client.served for client in clients), Counter[str]())
    assert set(served) == {path for path, _, _ in PAGES}
    # Far more sites were started than there was room for.
    assert sum(map(len, (site._published for site in sites))) > 2 * SITES
    # At most 12 sites at a time, with three threads each, were ever alive.
    assert max(threads for threads, _ in peaks) < 20 + 2 * 3 * SITES
    assert max(files for _, files in peaks) < 100 + CLIENTS + 2 * 12 * SITES
    assert "Traceback" not in output
    assert "can't be served" not in output
    assert "did not shut down cleanly" not in output
    print(
        f"{served.total()} bodies in {seconds} s: {dict(served)}; peaks {max(peaks)}; "
        f"the oldest outdated for {oldest:.2f} s, the slowest answer after {slowest:.2f} s"
    )


async def _hammer(server: Server, clients: list[Client], seconds: float) -> list[tuple[int, int]]:
    """Run all clients, and look at the server's threads and files once in a while."""
    until = time.monotonic() + seconds
    peaks: list[tuple[int, int]] = []

    async def watch() -> None:
        while time.monotonic() < until:
            peaks.append((_count(server.pid, "task"), _count(server.pid, "fd")))
            await asyncio.sleep(0.5)

    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    async with web.async_client(limits=limits, timeout=5 * PATIENCE) as http:
        await asyncio.gather(watch(), *(client.run(http, until) for client in clients))
    return peaks


def _count(pid: int, what: str) -> int:
    return len(os.listdir(f"/proc/{pid}/{what}"))


@contextmanager
def _publishing(sites: list[Editions]) -> Iterator[None]:
    stop = threading.Event()
    publisher = threading.Thread(target=publish_until, args=(stop, sites, Random(1)))
    publisher.start()
    try:
        yield
    finally:
        stop.set()
        publisher.join()
