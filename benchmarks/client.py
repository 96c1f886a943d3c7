"""Drives one server: one connection, one request after the other."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING

from benchmarks.hosts.control import PATH

if TYPE_CHECKING:
    from benchmarks.pages import Page

HOST = "127.0.0.1"


class Client:
    """A visitor of one server who never has two requests under way."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection(HOST, port, timeout=60)

    def request_page(self, page: Page, times: int) -> None:
        """Ask for a page so many times. Raises RuntimeError for another status than its own."""
        for _ in range(times):
            self._get(page.path, page.host, page.status)

    def flushed_cpu_seconds(self) -> float:
        """Let the server send what it holds, and give the CPU it has spent since it started."""
        # Rounds begin and end here: uvicorn closes a connection that idles for
        # 5 seconds, and the next request makes a new one.
        self._connection.close()
        return self.usage()["cpu_seconds"]

    def usage(self) -> dict[str, float]:
        """What the server has used so far; see `benchmarks.hosts.control`."""
        usage: dict[str, float] = json.loads(self._get(PATH, HOST))
        return usage

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _get(self, path: str, host: str, status: int = 200) -> bytes:
        self._connection.request("GET", path, headers={"Host": host})
        response = self._connection.getresponse()
        body = response.read()
        if response.status != status:
            raise RuntimeError(f"GET {path} on {host}: {response.status}, wanted {status}")
        return body
