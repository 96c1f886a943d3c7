"""Requests byte by byte, as no client library would send them."""

from __future__ import annotations

import re
import socket
from contextlib import suppress

from tests.support.waiting import PATIENCE

HOST = "127.0.0.1"
STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d) ")


def send(port: int, data: bytes) -> int | None:
    """Send some bytes and give the status of the answer, None if there was no valid one.

    Whoever refuses a request may hang up before all of it is sent.
    """
    found = STATUS.match(answer_to(port, data))
    return int(found[1]) if found else None


def answer_to(port: int, data: bytes) -> bytes:
    """Send some bytes and give all of the answer."""
    with socket.create_connection((HOST, port), timeout=PATIENCE) as connection:
        with suppress(OSError):
            connection.sendall(data)
        return _read(connection)


def leave(port: int, data: bytes) -> None:
    """Send some bytes and be gone, without waiting for an answer."""
    with socket.create_connection((HOST, port), timeout=PATIENCE) as connection:
        connection.sendall(data)


def request(
    target: bytes = b"/health/",
    *headers: bytes,
    method: bytes = b"GET",
    version: bytes = b"1.1",
    host: bytes | None = b"localhost",
) -> bytes:
    """Put a request together; what is given is sent as it is, escaped or not."""
    lines = [b"%s %s HTTP/%s" % (method, target, version)]
    lines += [b"Host: " + host] if host is not None else []
    lines += [*headers, b"Connection: close", b"", b""]
    return b"\r\n".join(lines)


def _read(connection: socket.socket) -> bytes:
    received = b""
    # The status line is all that is looked at; a page has megabytes at most.
    while len(received) < 1 << 24:
        try:
            chunk = connection.recv(1 << 16)
        except OSError:
            break
        if not chunk:
            break
        received += chunk
    return received
