"""The pages: requests, routes, SQL, logs, and one trace."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasette import Response

from telemetry.frames import frames
from telemetry.registry import attributes as a
from telemetry.viewer.server import queries
from telemetry.viewer.server.filters import LEVELS, Filters
from telemetry.viewer.server.waterfall import waterfall

if TYPE_CHECKING:
    from datasette.app import Datasette

    from telemetry.viewer.server.store import Store

# Scripts and styles are local files, and all other sources are blocked.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_VERSION = str(int(max(f.stat().st_mtime for f in Path(__file__).parent.glob("static/*"))))


class Pages:
    """Datasette views, rendered on the server."""

    def __init__(self, datasette: Datasette, store: Store) -> None:
        self._datasette = datasette
        self._store = store

    async def requests(self, request: Any) -> Response:
        """Show the newest traces, one in each row."""
        filters = Filters.of(request.args)
        rows = await queries.requests(self._store.database, filters)
        older = filters.address(before=str(rows[-1]["start_ns"])) if self._full(rows) else ""
        return await self._page(request, "requests", filters, rows=rows, older=older)

    async def routes(self, request: Any) -> Response:
        """Show requests by route."""
        filters = Filters.of(request.args)
        rows = await queries.routes(self._store.database, filters)
        return await self._page(request, "routes", filters, rows=rows)

    async def statements(self, request: Any) -> Response:
        """Show SQL by statement."""
        filters = Filters.of(request.args)
        rows = await queries.statements(self._store.database, filters)
        return await self._page(request, "statements", filters, rows=rows)

    async def logs(self, request: Any) -> Response:
        """Show the newest log records."""
        filters = Filters.of(request.args)
        rows = await queries.logs(self._store.database, filters)
        older = filters.address(before=str(rows[-1]["time_ns"])) if self._full(rows) else ""
        return await self._page(
            request, "logs", filters, rows=rows, older=older, levels=list(LEVELS)
        )

    async def trace(self, request: Any, trace_id: str) -> Response:
        """Show one trace: its waterfall, log records and exceptions."""
        found = await queries.trace(self._store.database, trace_id)
        drawn = waterfall(found)
        root = drawn.root["attributes"] if drawn.root else {}
        status = 200 if found["spans"] or found["logs"] else 404
        return await self._page(
            request,
            "trace",
            Filters({}),
            status=status,
            trace_id=trace_id,
            drawn=drawn,
            cut=len(found["spans"]) == queries.MAX_TRACE_SPANS,
            root=root,
            site=root.get(a.SITE),
            event_url=_web_address(root.get(a.EVENT_URL)),
        )

    def _full(self, rows: list[Any]) -> bool:
        return len(rows) == queries.PAGE

    async def _page(
        self, request: Any, page: str, filters: Filters, *, status: int = 200, **values: Any
    ) -> Response:
        body = await self._datasette.render_template(
            f"viewer_{page}.html",
            {
                "page": page,
                "filters": filters,
                "sites": await queries.sites(self._store.database),
                "clock": _clock,
                "ago": _ago,
                "frames": frames,
                "milliseconds": _milliseconds,
                "version": _VERSION,
                **values,
            },
            request=request,
        )
        return Response.html(body, status=status, headers=_HEADERS)


def _web_address(url: Any) -> str:
    # Checked, since the value comes from a sender and becomes a link.
    return url if isinstance(url, str) and url.startswith(("http://", "https://")) else ""


def _clock(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds / 1e9, tz=UTC).astimezone()
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def _ago(nanoseconds: int) -> str:
    seconds = max(0, int(time.time() - nanoseconds / 1e9))
    if seconds < 60:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 3600 else f"{seconds // 3600} h ago"


def _milliseconds(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"
