"""Receivers of the servers' data, each in a separate process.

Receiving costs CPU too. In the client's process it would slow the requests down;
in the server's it would be measured.
"""

from __future__ import annotations

import multiprocessing
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from telemetry.testing import EventReceiver, OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection


class Remote:
    """A receiver in another process: its address, and what it received since the last query."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection
        self.url: str = connection.recv()

    def take_count(self) -> int:
        """Return the number of received items, and reset it."""
        self._connection.send(None)
        count: int = self._connection.recv()
        return count


@contextmanager
def span_receiver() -> Iterator[Remote]:
    """Run an OTLP receiver that counts spans."""
    with _remote(_receive_spans) as remote:
        yield remote


@contextmanager
def sentry_sink() -> Iterator[Remote]:
    """Run a receiver of everything that Sentry's SDK sends. Counts envelopes; `url` is a DSN."""
    with _remote(partial(_receive_errors, only_events=False)) as remote:
        yield remote


@contextmanager
def event_receiver() -> Iterator[Remote]:
    """Run a receiver that counts error events. Its `url` is a DSN."""
    with _remote(partial(_receive_errors, only_events=True)) as remote:
        yield remote


@contextmanager
def _remote(serve: Callable[[Connection[Any, Any]], None]) -> Iterator[Remote]:
    # Not forked: the parent's threads and open connections do not survive a fork.
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=serve, args=(far,), daemon=True)
    process.start()
    # The child has a copy. With this one closed, the end of the child is detected.
    far.close()
    try:
        yield Remote(near)
    finally:
        near.close()
        process.join(timeout=5)
        process.kill()


def _receive_spans(connection: Connection[Any, Any]) -> None:
    with OTLPReceiver() as receiver:

        def take() -> int:
            # Decoded between rounds only.
            count = len(receiver.spans)
            receiver.clear()
            return count

        _answer(connection, receiver.url, take)


def _receive_errors(connection: Connection[Any, Any], *, only_events: bool) -> None:
    with EventReceiver() as receiver:

        def take() -> int:
            count = len(receiver.events if only_events else receiver.envelopes)
            receiver.clear()
            return count

        _answer(connection, receiver.dsn, take)


def _answer(connection: Connection[Any, Any], url: str, take: Callable[[], int]) -> None:
    connection.send(url)
    try:
        while True:
            connection.recv()
            connection.send(take())
    except EOFError:
        return
