"""The pages: requests, routes, SQL, logs, search, what was received, and one trace.

Each is a page, JSON and plain text at the same address: by the suffix `.json` or `.txt`, or by the
`Accept` header.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2
from datasette import Response

from telemetry.frames import frames
from telemetry.registry import attributes as a
from telemetry.viewer.server import forms, queries, store, text
from telemetry.viewer.server.filters import LEVELS, Filters, ParameterError, place
from telemetry.viewer.server.forms import HTML, JSON, shown
from telemetry.viewer.server.reading import TooSlowError
from telemetry.viewer.server.receiver import MAX_WAITING_BYTES
from telemetry.viewer.server.waterfall import waterfall

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.viewer.server.reading import Connection, Reader
    from telemetry.viewer.server.received import Received
    from telemetry.viewer.server.receiver import Receiver
    from telemetry.viewer.server.store import Store

Row = dict[str, Any]

# Scripts and styles are local files, and all other sources are blocked.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}
_FOLDER = Path(__file__).parent
_VERSION = str(int(max(f.stat().st_mtime for f in _FOLDER.glob("static/*"))))
_SAFE_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")


class _ProblemError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Page:
    """What one page shows, in its three forms.

    Args:
        name: Name of the template.
        data: Values for JSON.
        as_text: Returns the plain text.
        status: HTTP status.
        values: Further values for the template.
    """

    def __init__(
        self,
        name: str,
        data: Row,
        as_text: Callable[[], str],
        *,
        status: int = 200,
        **values: Any,
    ) -> None:
        self.name = name
        self.data = data
        self.as_text = as_text
        self.status = status
        self.values = values


class Pages:
    """Datasette views. Queries, layout and rendering run in a thread."""

    def __init__(
        self, path: str, store: Store, received: Received, receiver: Receiver, reader: Reader
    ) -> None:
        self._path = path
        self._store = store
        self._receiver = receiver
        self._received = received
        self._reader = reader
        # Of this process: a viewer that is started again counts from 0.
        self._run = os.urandom(6).hex()
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"), autoescape=True
        )
        self._templates.globals |= {
            "clock": forms.clock,
            "moment": forms.moment,
            "ago": _ago,
            "frames": lambda stack: frames(stack) if isinstance(stack, str) else [shown(stack)],
            "shown": shown,
            "milliseconds": forms.milliseconds,
            "size": forms.size,
            "accounted": text.accounted,
            "web_address": _web_address,
            "version": _VERSION,
        }

    async def requests(self, request: Any, form: str | None) -> Response:
        """Show the newest traces, one in each row."""

        def page(connection: Connection, filters: Filters) -> Page:
            rows = queries.requests(connection, filters)
            older = _older(rows, filters, "start_ns", "trace_id")
            data = {"requests": [_request(row) for row in rows], "older": older}
            return Page("requests", data, lambda: text.requests(rows), rows=rows, older=older)

        return await self._answer(request, form, page)

    async def routes(self, request: Any, form: str | None) -> Response:
        """Show requests by route."""

        def page(connection: Connection, filters: Filters) -> Page:
            rows = queries.routes(connection, filters)
            return Page("routes", {"routes": rows}, lambda: text.routes(rows), rows=rows)

        return await self._answer(request, form, page)

    async def statements(self, request: Any, form: str | None) -> Response:
        """Show SQL by statement."""

        def page(connection: Connection, filters: Filters) -> Page:
            found = queries.statements(connection, filters)
            return Page("statements", found, lambda: text.statements(found), found=found)

        return await self._answer(request, form, page)

    async def logs(self, request: Any, form: str | None) -> Response:
        """Show the newest log records."""

        def page(connection: Connection, filters: Filters) -> Page:
            rows = queries.logs(connection, filters)
            older = _older(rows, filters, "time_ns", "id")
            return Page(
                "logs",
                {"logs": rows, "older": older},
                lambda: text.logs(rows),
                rows=rows,
                older=older,
                levels=list(LEVELS),
            )

        return await self._answer(request, form, page)

    async def search(self, request: Any, form: str | None) -> Response:
        """Show traces by id, path or name, and log records by text."""

        def page(connection: Connection, filters: Filters) -> Page:
            found = (
                queries.search(connection, filters) if filters.q else {"requests": [], "logs": []}
            )
            data = {**found, "requests": [_request(row) for row in found["requests"]]}
            return Page("search", data, lambda: text.search(found), found=found)

        return await self._answer(request, form, page)

    async def received(self, request: Any, form: str | None) -> Response:
        """Show what arrived in the last minute, what is stored, and what was odd or refused."""
        counted = {
            kind: self._received.counts(kind)
            for kind in ("requests", "bytes", "items", "odd", "refused")
        }
        waiting = self._receiver.waiting

        def page(connection: Connection, _: Filters) -> Page:
            sizes = queries.sizes(connection)
            found = {
                "received": [
                    *_counts(counted["items"]),
                    *_counts(counted["requests"], "requests with {}"),
                    *_counts(counted["bytes"], "bytes of {}"),
                ],
                "stored": [
                    {"what": "spans", "stored": sizes["spans"], "limit": store.MAX_SPANS},
                    {"what": "log records", "stored": sizes["logs"], "limit": store.MAX_LOGS},
                    {"what": "data points", "stored": sizes["points"], "limit": store.MAX_POINTS},
                    {
                        "what": "bytes in the file",
                        "stored": sizes["bytes"],
                        "limit": store.MAX_FILE_BYTES,
                    },
                    {
                        "what": "bytes of requests in memory",
                        "stored": waiting,
                        "limit": MAX_WAITING_BYTES,
                    },
                ],
                "refused": _counts(counted["refused"]),
                "odd": _counts(counted["odd"]),
                "odd_items": queries.odd(connection),
            }
            return Page("received", found, lambda: text.received(found), found=found)

        return await self._answer(request, form, page, always=True)

    async def trace(self, request: Any, trace_id: str, form: str | None) -> Response:
        """Show one trace: its waterfall, log records and exceptions."""
        trace_id = trace_id.lower()

        def page(connection: Connection, _: Filters) -> Page:
            whole = _whole_id(connection, trace_id)
            found = queries.trace(connection, whole)
            drawn = waterfall(found)
            root = drawn.root["attributes"] if drawn.root else {}
            there = bool(found["spans"] or found["logs"])
            cut = len(found["spans"]) == queries.MAX_TRACE_SPANS
            return Page(
                "trace",
                {"trace_id": whole, "cut": cut, **found},
                lambda: text.trace(whole, drawn) if there else f"{_MISSING}\n",
                status=200 if there else 404,
                trace_id=whole,
                drawn=drawn,
                cut=cut,
                root=root,
                site=root.get(a.SITE),
                event_url=_web_address(root.get(a.EVENT_URL)),
                page_url=_page_url(root),
                missing=_MISSING,
            )

        return await self._answer(request, form, page)

    async def _answer(
        self,
        request: Any,
        suffix: str | None,
        make: Callable[[Connection, Filters], Page],
        *,
        always: bool = False,
    ) -> Response:
        form = forms.form_of(suffix, request.headers.get("accept", ""))
        # A page that is asked for again while nothing has arrived costs no query.
        tag = f'W/"{self._run}-{self._store.version}-{form}"'
        if not always and request.headers.get("if-none-match") == tag:
            return Response("", status=304, headers={"ETag": tag, **_HEADERS})

        def render(connection: Connection) -> tuple[int, str]:
            filters = Filters.of(request.args)
            page = make(connection, filters)
            if form == JSON:
                return page.status, forms.as_json(page.data)
            if form != HTML:
                return page.status, page.as_text()
            template = self._templates.get_template(f"viewer_{page.name}.html")
            body = template.render(
                page=page.name,
                filters=filters,
                sites=queries.sites(connection),
                address=f"{request.scheme}://{request.host}",
                json_address=_address(request, ".json"),
                text_address=_address(request, ".txt"),
                **page.values,
            )
            return page.status, body

        try:
            status, body = await self._reader.run(self._path, render)
        except ParameterError as error:
            return self._problem(form, 400, str(error))
        except _ProblemError as error:
            return self._problem(form, error.status, str(error))
        except TooSlowError:
            return self._problem(form, 503, "The page took too long: use more filters.")
        headers = _HEADERS if always else {"ETag": tag, **_HEADERS}
        return Response(body, status=status, content_type=f"{form}; charset=utf-8", headers=headers)

    def _problem(self, form: str, status: int, message: str) -> Response:
        if form == JSON:
            body = forms.as_json({"error": message})
        elif form == HTML:
            template = self._templates.get_template("viewer_problem.html")
            body = template.render(page="", filters=Filters(), sites=[], message=message)
        else:
            body = f"{message}\n"
        return Response(
            body, status=status, content_type=f"{form}; charset=utf-8", headers=_HEADERS
        )


_MISSING = (
    "There is no data of this trace: it has not arrived yet, was sampled out, or was deleted after "
    "a day."
)


def _address(request: Any, suffix: str) -> str:
    """The page that is asked for, in another form."""
    path, query = str(request.path), str(request.query_string)
    return (path if path.endswith(suffix) else path + suffix) + (f"?{query}" if query else "")


def _whole_id(connection: Connection, given: str) -> str:
    if len(given) == 32:
        return given
    found = queries.traces_that_begin_with(connection, given)
    if len(found) > 1:
        raise _ProblemError(400, f"More than one trace begins with {given}: {', '.join(found)}")
    if not found:
        raise _ProblemError(404, f"No trace begins with {given}. {_MISSING}")
    return found[0]


def _older(rows: list[Row], filters: Filters, time: str, key: str) -> str | None:
    if len(rows) < queries.PAGE:
        return None
    return filters.address(before=place(rows[-1][time], rows[-1][key]))


def _request(row: Row) -> Row:
    """A row of the list of requests, as JSON has it."""
    return {**row, "start": forms.moment(row["start_ns"]), "address": f"/trace/{row['trace_id']}"}


def _counts(counted: dict[str, tuple[int, int]], named: str = "{}") -> list[Row]:
    return [
        {"what": named.format(name), "minute": minute, "total": total}
        for name, (minute, total) in counted.items()
    ]


def _web_address(url: Any) -> str:
    # Checked, since the value comes from a sender and becomes a link.
    return url if isinstance(url, str) and url.startswith(("http://", "https://")) else ""


def _page_url(root: Row) -> str:
    """The address of the page that was requested, if the span has its parts."""
    scheme, host, path = (root.get(name) for name in ("url.scheme", "server.address", "url.path"))
    port = root.get("server.port")
    if scheme not in ("http", "https") or not isinstance(host, str) or not isinstance(path, str):
        return ""
    if root.get("http.request.method") != "GET" or not host or not set(host) <= _SAFE_HOST:
        return ""
    where = f"{host}:{port}" if isinstance(port, int) else host
    return f"{scheme}://{where}{quote(path, safe='/%:@!$&()*+,;=~-._')}"


def _ago(nanoseconds: int) -> str:
    seconds = max(0, int(time.time() - nanoseconds / 1e9))
    if seconds < 60:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 3600 else f"{seconds // 3600} h ago"
