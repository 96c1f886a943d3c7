"""Sends requests one after another, byte by byte, and keeps the answers."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from tests.differential.requests import Manner, Request
from tests.support.processes import HOST

TIMEOUT = 60.0
# How late the second half of a body comes: more than the server counts as waiting.
LATE_SECONDS = 0.15


@dataclass(frozen=True)
class Sent:
    """A request that was sent: when, and all bytes that came back."""

    label: str
    start_ns: int
    answer: bytes


def send(port: int, request: Request) -> Sent:
    """Send one request as its client behaves."""
    start_ns = time.time_ns()
    with socket.create_connection((HOST, port), timeout=TIMEOUT) as connection:
        # A server that refuses a request may close before it has read all.
        with suppress(OSError):
            if request.manner is Manner.SENDS_LATE:
                half = len(request.body) // 2
                connection.sendall(request.data + request.body[:half])
                time.sleep(LATE_SECONDS)
                connection.sendall(request.body[half:])
            else:
                connection.sendall(request.data + request.body)
        if request.manner is Manner.LEAVES:
            return Sent(request.label, start_ns, b"")
        if request.manner is Manner.LEAVES_HALF_WAY:
            return Sent(request.label, start_ns, _read_until(connection, b"begun"))
        if request.manner is Manner.WEBSOCKET:
            return Sent(request.label, start_ns, _speak(connection))
        return Sent(request.label, start_ns, _read_until(connection, None))


def _speak(connection: socket.socket) -> bytes:
    answer = _read_until(connection, b"\r\n\r\n")
    if answer.startswith(b"HTTP/1.1 101"):
        mask = os.urandom(4)
        text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(b"hello"))
        # One text frame, masked as a client's has to be (RFC 6455, section 5.2).
        with suppress(OSError):
            connection.sendall(bytes((0x81, 0x80 | len(text))) + mask + text)
        # Up to the server's close frame: it waits for the client's.
        return answer + _read_until(connection, b"\x88")
    return answer + _read_until(connection, None)


def _read_until(connection: socket.socket, wanted: bytes | None) -> bytes:
    received = b""
    while wanted is None or wanted not in received:
        try:
            chunk = connection.recv(1 << 16)
        except ConnectionError:
            break
        if not chunk:
            break
        received += chunk
    return received
