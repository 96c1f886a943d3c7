"""OTLP over HTTP: the server side, as little as an exporter needs."""

from __future__ import annotations

import gzip
import socket
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from telemetry.testing._inbox import Inbox

# As the standard library's stubs type a TCP or UDP server's arguments.
Request: TypeAlias = socket.socket | tuple[bytes, socket.socket]
Address: TypeAlias = object

PATHS = {"/v1/traces": "traces", "/v1/metrics": "metrics", "/v1/logs": "logs"}
PROTOBUF = "application/x-protobuf"


class OTLPHandler(BaseHTTPRequestHandler):
    """Answers `POST /v1/{traces,metrics,logs}`."""

    server: OTLPServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Buffered, so that status line, headers and body leave as one packet.
    wbufsize = -1

    def do_POST(self) -> None:
        # Read first: an unread body would be taken for the next request of
        # this connection.
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        signal = PATHS.get(path)
        if signal is None:
            self._reply(404, b"")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        payload = self._payload(body)
        answer = self.server.inbox.take(signal, path, headers, payload, len(body))
        self._reply(answer.status, answer.body(signal) if answer.status < 300 else b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the test's output clean; `receiver.requests` is the log."""

    def _payload(self, body: bytes) -> bytes | None:
        if self.headers.get_content_type() != PROTOBUF:
            return None
        try:
            match self.headers.get("Content-Encoding", "identity").lower():
                case "identity":
                    return body
                case "gzip":
                    return gzip.decompress(body)
                case "deflate":
                    return zlib.decompress(body)
        except (OSError, EOFError, zlib.error):
            return None
        return None

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", PROTOBUF)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class OTLPServer(ThreadingHTTPServer):
    """A thread for each connection; `close` ends them all, idle keep-alives too."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, inbox: Inbox) -> None:
        self.inbox = inbox
        self._open: dict[threading.Thread, socket.socket] = {}
        self._accepting = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        super().__init__((host, port), OTLPHandler)
        self._accepting.start()

    def process_request_thread(self, request: Request, client_address: Address) -> None:
        thread = threading.current_thread()
        self._open[thread] = cast("socket.socket", request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            del self._open[thread]

    def handle_error(self, request: Request, client_address: Address) -> None:
        """Let a client hang up: exporters do when they time out."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop accepting, end open connections and wait for their threads."""
        self.shutdown()
        self._accepting.join()
        for connection in list(self._open.values()):
            # The standard server would leave a keep-alive connection's thread
            # reading for as long as the client keeps it open.
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in list(self._open):
            thread.join(timeout=5)
        self.server_close()
