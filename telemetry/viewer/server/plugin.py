"""The Datasette plugin of the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datasette import hookimpl

from telemetry.viewer.server.pages import Pages
from telemetry.viewer.server.receiver import receiver
from telemetry.viewer.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from datasette.app import Datasette


class Viewer:
    """Registered once, for the only Datasette of the process."""

    # Datasette reads the name of each plugin when it looks for templates.
    __name__ = "corkboard_viewer"

    def __init__(self, datasette: Datasette) -> None:
        self._store = Store(datasette)
        self._pages = Pages(datasette, self._store)

    @hookimpl  # type: ignore[untyped-decorator]
    def startup(self) -> Callable[[], Awaitable[None]]:
        """Create the tables."""
        return self._store.prepare

    @hookimpl  # type: ignore[untyped-decorator]
    def register_routes(self) -> list[tuple[str, Any]]:
        """Add the receiver and the pages to those of Datasette and of datasette-otel-viewer."""
        return [
            (r"^/v1/(?P<signal>traces|metrics|logs)$", _function(receiver(self._store), "signal")),
            (r"^/$", _function(self._pages.requests)),
            (r"^/routes$", _function(self._pages.routes)),
            (r"^/sql$", _function(self._pages.statements)),
            (r"^/logs$", _function(self._pages.logs)),
            (r"^/trace/(?P<trace_id>[0-9a-f]{32})$", _function(self._pages.trace, "trace_id")),
        ]


def _function(view: Callable[..., Awaitable[Any]], *groups: str) -> Callable[..., Awaitable[Any]]:
    # Datasette does not accept bound methods.
    async def called(request: Any) -> Any:
        return await view(request, *(request.url_vars[group] for group in groups))

    return called
