"""An HTTP server whose answers are given byte by byte, for answers that no real server gives."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from tests.support.processes import HOST

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Request:
    """A request that arrived, unpacked, and when."""

    line: str
    headers: Mapping[str, str]
    body: bytes
    time: float


@dataclass(frozen=True)
class Odd:
    """An answer in chunks, with seconds before each; the connection may be closed after it."""

    chunks: tuple[bytes, ...]
    pause: float = 0.0
    closes: bool = False


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Odd:
    """Give a plain answer; header names are written with underscores."""
    lines = [f"HTTP/1.1 {status} Odd", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Odd(("\r\n".join(lines).encode() + b"\r\n\r\n" + body,))


@dataclass
class OddServer:
    """Answers every request with what `reply` gives for it. Port 0 lets the system choose."""

    reply: Callable[[Request], Odd] = field(default=lambda _: answer())
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        odd = self

        class Handler(socketserver.StreamRequestHandler):
            def setup(self) -> None:
                if odd._context is not None:
                    # Raised if the client has left: the socket would not be closed otherwise.
                    self.request.getpeername()
                    self.request = odd._context.wrap_socket(self.request, server_side=True)
                super().setup()

            def finish(self) -> None:
                super().finish()
                self.request.close()

            def handle(self) -> None:
                odd._serve(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing of a client that left."""

        self._server = Server((HOST, self.port), Handler)
        self._stopped = threading.Event()
        self._context: ssl.SSLContext | None = None
        self._scheme = "http"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"{self._scheme}://{HOST}:{self._server.server_address[1]}"

    def use_tls(self, context: ssl.SSLContext) -> None:
        """Serve later connections with TLS."""
        self._context = context
        self._scheme = "https"

    def _serve(self, handler: socketserver.StreamRequestHandler) -> None:
        while line := handler.rfile.readline().decode().strip():
            headers: dict[str, str] = {}
            while header := handler.rfile.readline().decode().strip():
                name, _, value = header.partition(":")
                headers[name.strip().lower()] = value.strip()
            body = handler.rfile.read(int(headers.get("content-length", "0")))
            if headers.get("content-encoding") in ("gzip", "deflate"):
                body = zlib.decompress(body, wbits=47)
            request = Request(line, headers, body, time.monotonic())
            self.requests.append(request)
            if self._write(handler, self.reply(request)):
                return

    def _write(self, handler: socketserver.StreamRequestHandler, odd: Odd) -> bool:
        for chunk in odd.chunks:
            if odd.pause and self._stopped.wait(odd.pause):
                return True
            handler.wfile.write(chunk)
            handler.wfile.flush()
        if odd.closes:
            handler.connection.shutdown(socket.SHUT_RDWR)
        return odd.closes
