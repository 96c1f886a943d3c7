"""The Datasette plugin of the viewer."""

from __future__ import annotations

import sqlite3
import traceback
from typing import TYPE_CHECKING, Any

from datasette import Response, hookimpl

from telemetry.datasette.request_errors import is_caused_by_request
from telemetry.viewer.server.guard import malformed
from telemetry.viewer.server.pages import Pages
from telemetry.viewer.server.reading import Reader
from telemetry.viewer.server.received import Received
from telemetry.viewer.server.receiver import Receiver
from telemetry.viewer.server.routes import ROUTES
from telemetry.viewer.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from datasette.app import Datasette


MAX_VALUE_BYTES = 128 * 1024 * 1024
"""Limit of one value in SQLite, and of one row."""


class Viewer:
    """Registered once, for the only Datasette of the process."""

    # Datasette reads the name of each plugin when it looks for templates.
    __name__ = "corkboard_viewer"

    def __init__(self, datasette: Datasette, path: str) -> None:
        received = Received()
        self._store = Store(datasette)
        self._receiver = Receiver(self._store, received)
        self._pages = Pages(path, self._store, received, self._receiver, Reader())

    @hookimpl  # type: ignore[untyped-decorator]
    def startup(self) -> Callable[[], Awaitable[None]]:
        """Create the tables."""
        return self._store.prepare

    @hookimpl  # type: ignore[untyped-decorator]
    def prepare_connection(self, conn: sqlite3.Connection) -> None:
        """Limit the memory that one value of a query in the tables can take."""
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)

    @hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]
    def handle_exception(self, request: Any, exception: Exception) -> Response | None:
        """Answer 400 where Datasette's own pages fail at what the request has, and not 500."""
        if getattr(exception, "status", 500) < 500:
            return None
        if is_caused_by_request(exception, request.scope):
            return Response.text(malformed(exception), status=400)
        # In place of Datasette, which prints it for both.
        traceback.print_exception(exception)
        return None

    @hookimpl  # type: ignore[untyped-decorator]
    def register_routes(self) -> list[tuple[str, Any]]:
        """Add the receiver and the pages to those of Datasette and of datasette-otel-viewer."""
        pages = self._pages
        views: dict[str, Callable[..., Awaitable[Any]]] = {
            "receiver": self._receiver,
            "requests": pages.requests,
            "routes": pages.routes,
            "statements": pages.statements,
            "logs": pages.logs,
            "search": pages.search,
            "received": pages.received,
            "trace": pages.trace,
        }
        return [
            (pattern.pattern, _function(views[name], *pattern.groupindex))
            for name, pattern in ROUTES.items()
        ]


def _function(view: Callable[..., Awaitable[Any]], *groups: str) -> Callable[..., Awaitable[Any]]:
    # Datasette does not accept bound methods.
    async def called(request: Any) -> Any:
        return await view(request, *(request.url_vars[group] for group in groups))

    return called
