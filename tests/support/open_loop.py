"""Sends requests at a rate, whether or not earlier ones have been answered."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from tests.support.processes import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_CONNECTIONS = 200
"""Connections to one server. A request that is due waits for one, as in a proxy."""


class Request(NamedTuple):
    """A request to one of the servers on this machine."""

    port: int
    host: str
    path: str
    method: str = "GET"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def raw(self) -> bytes:
        """The request as HTTP/1.1. Characters of its path are bytes."""
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            f"host: {self.host}:{self.port}",
            f"content-length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class Answer(NamedTuple):
    """The status and the headers of an answer, with names in small letters."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Sent:
    """What became of the requests."""

    answers: Sequence[Answer]
    """In the order of the requests."""
    seconds_of_sending: float
    seconds: float
    """Until the last answer."""

    @property
    def offered(self) -> float:
        """Requests a second that were due."""
        return len(self.answers) / self.seconds_of_sending

    @property
    def served(self) -> float:
        """Requests a second that were answered."""
        return len(self.answers) / self.seconds

    @cached_property
    def statuses(self) -> Counter[int]:
        """Number of answers by status."""
        return Counter(answer.status for answer in self.answers)


def send_at(rate: float, requests: Sequence[Request]) -> Sent:
    """Send each request when it is due, and wait for all answers.

    Args:
        rate: requests a second.
        requests: in the order in which they are sent.
    """
    return asyncio.run(_send_at(rate, requests))


async def _send_at(rate: float, requests: Sequence[Request]) -> Sent:
    pools: defaultdict[int, _Pool] = defaultdict(_Pool)
    began = time.monotonic()
    tasks = []
    for number, request in enumerate(requests):
        await asyncio.sleep(began + number / rate - time.monotonic())
        pool = pools[request.port]
        tasks.append(asyncio.create_task(pool.send(request)))
    # The last one has its share of the time as well.
    await asyncio.sleep(began + len(requests) / rate - time.monotonic())
    sent = time.monotonic() - began
    answers = await asyncio.gather(*tasks)
    seconds = max(sent, time.monotonic() - began)
    for pool in pools.values():
        await pool.close()
    return Sent(answers, sent, seconds)


class _Pool:
    """Open connections to one server."""

    def __init__(self) -> None:
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._limit = asyncio.Semaphore(MAX_CONNECTIONS)

    async def send(self, request: Request) -> Answer:
        async with self._limit:
            connection = (
                self._free.pop()
                if self._free
                else await asyncio.open_connection(HOST, request.port)
            )
            reader, writer = connection
            writer.write(request.raw())
            await writer.drain()
            answer = await _read(reader, has_body=request.method != "HEAD")
            if answer.headers.get("connection") == "close":
                writer.close()
            else:
                self._free.append(connection)
            return answer

    async def close(self) -> None:
        for _, writer in self._free:
            writer.close()
        for _, writer in self._free:
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader, *, has_body: bool) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if not has_body:
        pass
    elif headers.get("transfer-encoding") == "chunked":
        size = 1
        while size:
            size = int(await reader.readline(), 16)
            await reader.readexactly(size + 2)
    else:
        await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(head[0].split()[1]), headers)
