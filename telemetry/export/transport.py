"""Transports of OTLP exporters, which count retries.

The SDK's exporters retry by themselves, and report that only in their log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import requests

from telemetry import private_api

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.export.destination import ExportStatistics

E = TypeVar("E")


class Transport(Protocol):
    """How one exporter reaches its backend."""

    def session(self) -> requests.Session:
        """Return the session for an exporter over HTTP."""

    def watched(self, exporter: E) -> E:
        """Return an exporter over gRPC with its exports observed."""


class CountingTransport:
    """Counts retries: a payload that is identical to the one before."""

    def __init__(self, statistics: ExportStatistics) -> None:
        self._retried = statistics.retry
        # A reference, so that no other object gets the same identity.
        self._last: object = None

    def session(self) -> requests.Session:
        """Return a session that compares bodies. Each retry passes the same object."""
        return _Session(self._begin, self._delivered)

    def watched(self, exporter: E) -> E:
        """Observe the exporter's encoding, which it repeats on each attempt."""
        encode = private_api.get(private_api.GRPC_ENCODE, exporter)
        if encode is None:
            return exporter
        known = encode

        def encoded(batch: Any) -> Any:
            self._begin(batch)
            return known(batch)

        private_api.replace(private_api.GRPC_ENCODE, encoded, exporter)
        return exporter

    def _begin(self, payload: object) -> None:
        if payload is self._last:
            self._retried()
        self._last = payload

    def _delivered(self) -> None:
        self._last = None


class _Session(requests.Session):
    def __init__(self, begin: Callable[[object], None], delivered: Callable[[], None]) -> None:
        super().__init__()
        self._begin = begin
        self._delivered = delivered

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Send as `requests.Session` does, and count retries."""
        self._begin(options.get("data"))
        response = super().request(*args, **options)
        if response.ok:
            self._delivered()
        return response
