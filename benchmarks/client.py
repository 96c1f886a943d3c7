"""HTTP client of one server: one connection, one request at a time."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

from benchmarks.hosts.control import PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.pages import Page

HOST = "127.0.0.1"


class Client:
    """Sends requests to one server, never two at the same time."""

    def __init__(self, port: int, timeout: float = 60) -> None:
        self.port = port
        self._connection = HTTPConnection(HOST, port, timeout=timeout)

    def connect(self) -> None:
        """Open the connection."""
        self._connection.connect()

    def request_page(self, page: Page, times: int) -> None:
        """Request a page `times` times. Raises RuntimeError for an unexpected status."""
        for _ in range(times):
            self._get(page.path, page.host, page.status)

    def flushed_cpu_seconds(self) -> float:
        """Flush the server's exporters, and return its CPU seconds since the start."""
        return self.flushed_usage()["cpu_seconds"]

    def flushed_usage(self) -> dict[str, float]:
        """Flush the server's exporters, and return its resource usage so far."""
        # A new connection for each round: uvicorn closes one that is idle for 5 seconds,
        # which would fail the next request.
        self._connection.close()
        return self.usage()

    def usage(self) -> dict[str, float]:
        """Return the server's resource usage so far; see `benchmarks.hosts.control`."""
        usage: dict[str, float] = self._get_json(PATH)
        return usage

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _get_json(self, path: str) -> Any:
        return json.loads(self._get(path, HOST))

    def _get(self, path: str, host: str, status: int = 200) -> bytes:
        return self.request("GET", path, host, status)

    def request(
        self,
        method: str,
        path: str,
        host: str,
        status: int = 200,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of a response. Raises RuntimeError for an unexpected status."""
        sent = body or None
        self._connection.request(method, path, body=sent, headers={"Host": host, **(headers or {})})
        response = self._connection.getresponse()
        found = response.read()
        if response.status != status:
            raise RuntimeError(f"{method} {path} on {host}: {response.status}, wanted {status}")
        return found
