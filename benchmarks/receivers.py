"""Where the servers send to, each in a process of its own.

Taking in spans costs CPU too: in the client's process it would slow the
requests that are being driven, in the server's it would be measured.
"""

from __future__ import annotations

import multiprocessing
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from telemetry.testing import OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

HOST = "127.0.0.1"


class Remote:
    """A receiver in another process: its address, and what it got since it was last asked."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection
        self.url: str = connection.recv()

    def take_count(self) -> int:
        """Count what arrived, and forget it."""
        self._connection.send(None)
        count: int = self._connection.recv()
        return count


@contextmanager
def span_receiver() -> Iterator[Remote]:
    """An OTLP receiver that counts spans."""
    with _remote(_receive_spans) as remote:
        yield remote


@contextmanager
def sentry_sink() -> Iterator[Remote]:
    """Takes whatever a Sentry SDK sends, and counts the envelopes. Its `url` is a DSN."""
    with _remote(_receive_envelopes) as remote:
        yield remote


@contextmanager
def _remote(serve: Callable[[Connection[Any, Any]], None]) -> Iterator[Remote]:
    # Not forked: threads and open connections of the parent do not survive that.
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=serve, args=(far,), daemon=True)
    process.start()
    # The child has its own: with ours closed, its end is seen as the end.
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
            # Decoded only now, between rounds.
            count = len(receiver.spans)
            receiver.clear()
            return count

        _answer(connection, receiver.url, take)


def _receive_envelopes(connection: Connection[Any, Any]) -> None:
    envelopes: list[None] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            envelopes.append(None)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    def take() -> int:
        count = len(envelopes)
        envelopes.clear()
        return count

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _answer(connection, f"http://key@{HOST}:{server.server_port}/1", take)
        server.shutdown()


def _answer(connection: Connection[Any, Any], url: str, take: Callable[[], int]) -> None:
    connection.send(url)
    try:
        while True:
            connection.recv()
            connection.send(take())
    except EOFError:
        return
