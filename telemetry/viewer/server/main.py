"""Process of the viewer: Datasette, the receiver and the pages, on one port."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import uvicorn
from datasette.app import Datasette
from datasette.plugins import pm

from telemetry.datasette.output import quiet_datasette_facets, quiet_datasette_tracebacks
from telemetry.viewer.addresses import DEFAULT_PORT, LOOPBACK, announcement
from telemetry.viewer.server.guard import Guard
from telemetry.viewer.server.plugin import Viewer
from telemetry.viewer.server.routes import STATIC
from telemetry.viewer.server.store import plugin_config

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

_HERE = Path(__file__).parent
_GRACEFUL_SECONDS = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped by a signal. Returns the exit code."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="corkboard-viewer.") as folder:
        path = options.database or os.path.join(folder, "telemetry.db")
        os.umask(0o077)
        server = _server(options, path)
        if options.until_closed is not None:
            watched = (options.until_closed, server)
            Thread(target=_stop_when_closed, args=watched, daemon=True).start()
        # uvicorn raises the signal again at its end. An exception lets the folder be removed first.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            server.run()
        return 0 if server.started else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="viewer")
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--database")
    parser.add_argument("--allowed-host", action="append", default=[])
    # A pipe from the parent process. The viewer ends when the parent does, which closes it.
    parser.add_argument("--until-closed", type=int)
    parser.add_argument("--quiet", action="store_true")
    return parser.parse_args(arguments)


def _server(options: argparse.Namespace, path: str) -> uvicorn.Server:
    quiet_datasette_tracebacks()
    quiet_datasette_facets()
    datasette = Datasette(
        [],
        config={"plugins": plugin_config(path), "permissions": {"datasette-otel-viewer": True}},
        settings={"num_sql_threads": 8, "sql_time_limit_ms": 5000, "suggest_facets": False},
        static_mounts=[(STATIC, str(_HERE / "static"))],
    )
    pm.register(Viewer(datasette, path), name="corkboard-viewer")
    config = uvicorn.Config(
        Guard(datasette.app(), options.allowed_host),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )
    return _Server(config, options)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, options: argparse.Namespace) -> None:
        super().__init__(config)
        self._options = options

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Print the address once the server answers."""
        await super().startup(sockets)
        if self.started and not self._options.quiet:
            for line in announcement(self._options.host, self._options.port):
                print(line, file=sys.stderr, flush=True)  # noqa: T201


def _stop_when_closed(descriptor: int, server: uvicorn.Server) -> None:
    while os.read(descriptor, 1):
        pass
    server.should_exit = True
