"""Checks requests before Datasette sees them: host, origin, size of parameters, and number."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from telemetry.datasette.request_errors import is_caused_by_request
from telemetry.hosts import is_known_host
from telemetry.viewer.server.routes import is_own, may_run_sql

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    App = Callable[[Any, Any, Any], Awaitable[None]]

MAX_QUERY = 8_192
"""Limit of a query string in bytes."""
MAX_PARAMETERS = 100
TABLE_PAGES = 2
"""Pages of Datasette's own that are served at once: any SQL can be run there."""
PLACE_SECONDS = 30.0
"""Time that such a page waits for others to end."""
CLIENT_SECONDS = 10.0
"""Time that such a page waits each time for its client to read or to send."""
_RETRY_SECONDS = 5
_SHOWN = 200
_METHODS = ("GET", "HEAD", "POST")
_METHOD = 405, f"The method is none of {', '.join(_METHODS)}."
_LARGEST = 2**63 - 1
_HEADERS = [
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]


class Guard:
    """Passes requests of this machine on, and answers others 400, 403, 405, 408, 421 or 503."""

    def __init__(self, app: App, names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = {name.lower() for name in names}
        self._tables = asyncio.Semaphore(TABLE_PAGES)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def send_with_headers(message: Any) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        refused = _METHOD if scope["method"] not in _METHODS else self._refused(scope)
        if refused is not None:
            await _answer(send_with_headers, *refused)
            return
        try:
            if may_run_sql(_path(scope)):
                await self._serve_table(scope, receive, send_with_headers)
            else:
                await self._app(scope, receive, send_with_headers)
        except Exception as error:
            # What Datasette makes no page of, such as a path that is no UTF-8.
            if started or not is_caused_by_request(error, scope):
                raise
            await _answer(send_with_headers, 400, malformed(error))

    async def _serve_table(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on when fewer than `TABLE_PAGES` are being served, or answer 503.

        Slow SQL waits for other SQL, and not the other pages for it. A client that stops reading
        or sending does not keep its place.
        """
        loop = asyncio.get_running_loop()
        serving = started = False
        try:
            async with asyncio.timeout(PLACE_SECONDS) as limit, self._tables:
                limit.reschedule(None)
                serving = True

                async def receive_soon() -> Any:
                    limit.reschedule(loop.time() + CLIENT_SECONDS)
                    message = await receive()
                    limit.reschedule(None)
                    return message

                async def send_soon(message: Any) -> None:
                    nonlocal started
                    started = True
                    limit.reschedule(loop.time() + CLIENT_SECONDS)
                    await send(message)
                    limit.reschedule(None)

                await self._app(scope, receive_soon, send_soon)
        except TimeoutError:
            if not limit.expired():
                raise
            if not serving:
                busy = f"{TABLE_PAGES} pages of Tables are being served: try again."
                await _answer(send, 503, busy, retry_after=_RETRY_SECONDS)
            elif not started:
                await _answer(send, 408, f"The body did not arrive within {CLIENT_SECONDS:g} s.")
            # The server closes the connection of a response that is not complete.

    def _refused(self, scope: Any) -> tuple[int, str] | None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not is_known_host(hosts[0], self._names):
            return 421, "This host name is not known here: --allowed-host NAME makes it so."
        if not _is_ours(scope, hosts[0], headers):
            return 403, "Requests of pages elsewhere are refused."
        return _wrong_parameters(scope.get("query_string", b""), _path(scope))


def _path(scope: Any) -> str:
    """The path as Datasette's router reads it. The decoded one may be that of another page."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if raw else str(scope["path"])


def _is_ours(scope: Any, host: str, headers: dict[str, list[str]]) -> bool:
    """Whether a request comes from this viewer's pages, from the address bar, or from a program.

    A link elsewhere may open a page, which the page with the link can't read. It may not open one
    of Datasette's, which may run SQL.
    """
    site = headers.get("sec-fetch-site")
    if site and site[-1] not in ("same-origin", "none"):
        return (
            scope["method"] in ("GET", "HEAD")
            and headers.get("sec-fetch-mode") == ["navigate"]
            and headers.get("sec-fetch-dest") == ["document"]
            and is_own(_path(scope))
        )
    # Browsers that do not send the former send the latter, with all but some GETs.
    return all(origin.partition("://")[2] == host for origin in headers.get("origin", []))


def _wrong_parameters(query: bytes, path: str) -> tuple[int, str] | None:
    if len(query) > MAX_QUERY:
        return 400, f"The query string has {len(query)} bytes: at most {MAX_QUERY} are accepted."
    try:
        pairs = parse_qsl(query.decode("latin-1"), max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return 400, f"There are more than {MAX_PARAMETERS} parameters."
    # Our pages check their parameters themselves. SQLite's integers have 64 bits.
    for name, value in () if is_own(path) else pairs:
        digits = value.strip().lstrip("+-")
        if digits.isdecimal() and (len(digits) > 4_000 or int(digits) > _LARGEST):
            return 400, f"{name[:60]!r} is a number of {len(digits)} digits: wanted up to 64 bits."
    return None


def malformed(error: BaseException) -> str:
    """Return what a page says of such a failure."""
    return f"The request can't be used: {type(error).__name__}: {str(error)[:_SHOWN]}"


async def _answer(send: Any, status: int, text: str, *, retry_after: int | None = None) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if retry_after is not None:
        headers.append((b"retry-after", b"%d" % retry_after))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})
