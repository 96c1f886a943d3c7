"""Log of a receiver's requests, with a wait for the next one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry.testing.received import ReceivedRequest


@dataclass
class Arrivals:
    """Thread-safe log of requests. An inbox adds their contents under the same lock."""

    _requests: list[ReceivedRequest] = field(default_factory=list, kw_only=True)
    _changed: threading.Condition = field(default_factory=threading.Condition, kw_only=True)
    _closing: threading.Event = field(default_factory=threading.Event, kw_only=True)

    def requests(self) -> list[ReceivedRequest]:
        with self._changed:
            return list(self._requests)

    def clear(self) -> None:
        with self._changed:
            self._requests.clear()

    def wait(self, seen: int, timeout: float) -> None:
        """Return when the number of requests differs from `seen`, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._requests) != seen, timeout)

    def dawdle(self, seconds: float) -> None:
        """Wait as a slow backend does, until the receiver is closed at the latest."""
        if seconds:
            self._closing.wait(seconds)

    def open(self) -> None:
        self._closing.clear()

    def close(self) -> None:
        """End all waits that simulate a slow backend."""
        self._closing.set()
