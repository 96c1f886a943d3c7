"""What is between an OTLP exporter and its backend, so that somebody can watch: here to count.

The SDK's exporters send again by themselves what a backend couldn't take, and tell nobody but
their log.
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
        """What an exporter over HTTP sends by."""

    def watched(self, exporter: E) -> E:
        """An exporter over gRPC."""


class CountingTransport:
    """Tells a payload that is sent again from the next one."""

    def __init__(self, statistics: ExportStatistics) -> None:
        self._retried = statistics.retry
        # Held, so that no other can have its identity.
        self._last: object = None

    def session(self) -> requests.Session:
        """OTLP over HTTP: the exporter gives each attempt the same bytes."""
        return _Session(self._begin, self._delivered)

    def watched(self, exporter: E) -> E:
        """It encodes the batch for each attempt, which is where one can be told."""
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
        """As any session's, counted."""
        self._begin(options.get("data"))
        response = super().request(*args, **options)
        if response.ok:
            self._delivered()
        return response
