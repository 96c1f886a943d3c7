"""The page that TELEMETRY_TRACE_URL leads to: what a tracing backend shows of one trace."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.support.processes import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing import OTLPReceiver

_FOLDER = "/trace/"


@contextmanager
def serve_trace_pages(receiver: OTLPReceiver) -> Iterator[str]:
    """Show the traces that arrive, and give the address with `{trace_id}` in it.

    404 for a trace that has not arrived.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the standard library's name
            trace_id = self.path.removeprefix(_FOLDER)
            names = [span.name for span in receiver.spans if span.trace_id == trace_id]
            body = "".join(f"<li>{escape(name)}</li>" for name in names).encode()
            self.send_response(200 if names else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing: tests read what is on standard error."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}{_FOLDER}{{trace_id}}"
        finally:
            server.shutdown()
            thread.join()
