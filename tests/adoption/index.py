"""A package index on 127.0.0.1 (PEP 503) that has the package's wheel and source distribution."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.support.processes import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROJECT = "corkboard-telemetry"


@contextmanager
def serve_index(files: Path) -> Iterator[str]:
    """Serve the files of a folder as those of the project. Yields the index's address.

    Everything else is 404, so that an installer looks in its other indexes.
    """
    contents = {path.name: path.read_bytes() for path in sorted(files.iterdir())}
    # Installers cache by address, and ports are used again.
    prefix = f"/{hashlib.sha256(b''.join(contents.values())).hexdigest()[:16]}"
    links = "".join(
        f'<a href="{prefix}/files/{name}#sha256={hashlib.sha256(content).hexdigest()}">{name}</a>\n'
        for name, content in contents.items()
    )
    answers = {f"{prefix}/files/{name}": content for name, content in contents.items()}
    answers[f"{prefix}/simple/{PROJECT}/"] = f"<!DOCTYPE html>\n{links}".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(self.head())

        def do_HEAD(self) -> None:
            self.head()

        def head(self) -> bytes:
            content = answers.get(self.path)
            self.send_response(404 if content is None else 200)
            page = "/simple/" in self.path
            self.send_header("Content-Type", "text/html" if page else "application/octet-stream")
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            return content or b""

        def log_message(self, *_arguments: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}{prefix}/simple/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
