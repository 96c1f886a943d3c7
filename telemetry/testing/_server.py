"""HTTP server on loopback that ends all its threads and connections when closed."""

from __future__ import annotations

import socket
import sys
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

# The type of TCP and UDP servers' arguments in the standard library's stubs.
Request: TypeAlias = socket.socket | tuple[bytes, socket.socket]
Address: TypeAlias = object

InboxT = TypeVar("InboxT")


class Handler(BaseHTTPRequestHandler, ABC):
    """Base class of the receivers' handlers, which define `_take`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Buffered, so that status line, headers and body are sent as one packet.
    wbufsize = -1

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._take(self.path.partition("?")[0], headers)

    @abstractmethod
    def _take(self, path: str, headers: Mapping[str, str]) -> None:
        """Handle a request. Reads the body even for an unknown path.

        Otherwise the server would parse the body as the next request.
        """

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing: `receiver.requests` is the log."""

    def _reply(
        self, status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class LoopbackServer(ThreadingHTTPServer, Generic[InboxT]):
    """Serves each connection in a thread. `close` ends all of them, idle keep-alives too."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, handler: type[Handler], inbox: InboxT) -> None:
        self.inbox = inbox
        self._open: dict[threading.Thread, socket.socket] = {}
        self._accepting = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        super().__init__((host, port), handler)
        self._accepting.start()

    def process_request_thread(self, request: Request, client_address: Address) -> None:
        thread = threading.current_thread()
        self._open[thread] = cast("socket.socket", request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._open[thread]

    def handle_error(self, request: Request, client_address: Address) -> None:
        """Ignore a connection closed by the client, as exporters do after a timeout."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop accepting, end open connections and wait for their threads."""
        self.shutdown()
        self._accepting.join()
        for connection in list(self._open.values()):
            # The standard server's thread would keep reading from a keep-alive connection
            # until the client closes it.
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in list(self._open):
            thread.join(timeout=5)
        self.server_close()
