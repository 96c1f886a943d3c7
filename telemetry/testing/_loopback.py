"""Base class of the receivers: a server on loopback that is a context manager."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from telemetry.testing._arrivals import Arrivals
from telemetry.testing._server import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from telemetry.testing._server import Handler

HOST = "127.0.0.1"

InboxT = TypeVar("InboxT", bound=Arrivals)
T = TypeVar("T")
PATIENCE = 60.0
"""Seconds."""


class LoopbackReceiver(ABC, Generic[InboxT]):
    """Listens on 127.0.0.1 while used as a context manager."""

    def __init__(self, port: int, handler: type[Handler], inbox: InboxT) -> None:
        self.port = port
        self._handler = handler
        self._inbox = inbox
        self._http: LoopbackServer[InboxT] | None = None

    def start(self) -> Self:
        """Listen. Raises OSError if the port is in use."""
        if self._http is not None:
            raise RuntimeError("this receiver is already listening")
        self._inbox.open()
        self._http = LoopbackServer(HOST, self.port, self._handler, self._inbox)
        self.port = self._http.server_port
        return self

    def close(self) -> None:
        """Stop listening and end open connections. Safe to call twice."""
        self._inbox.close()
        if self._http is not None:
            self._http.close()
            self._http = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def clear(self) -> None:
        """Discard what arrived so far. The configured response stays."""
        self._inbox.clear()

    def wait_for(self, predicate: Callable[[Self], T], timeout: float = PATIENCE) -> T:
        """Return `predicate(self)` as soon as it is true.

        Raises AssertionError with a summary of what arrived if it is not true
        after `timeout` seconds. The default is for a busy machine: it only ends
        a test that would otherwise wait for ever.
        """
        deadline = time.monotonic() + timeout
        while True:
            seen = len(self._inbox.requests())
            if result := predicate(self):
                return result
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise AssertionError(f"not within {timeout} s; {self.summary()}")
            # Arrivals end the wait. The upper bound is for a predicate that also depends on
            # something else.
            self._inbox.wait(seen, min(remaining, 0.25))

    @abstractmethod
    def summary(self) -> str:
        """Return a summary of what arrived: a line for each kind of item, with its number."""


def summarise(lines: dict[str, int]) -> str:
    """Format counted lines as the summary of a receiver."""
    if not lines:
        return "nothing arrived"
    return "\n  ".join(["this arrived:", *(f"{n} x {line}" for line, n in lines.items())])
