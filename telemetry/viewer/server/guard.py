"""Checks requests before Datasette sees them: host, origin, size of parameters, and number."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from telemetry.hosts import is_known_host

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    App = Callable[[Any, Any, Any], Awaitable[None]]

MAX_QUERY = 8_192
"""Limit of a query string in bytes."""
MAX_PARAMETERS = 100
TABLE_PAGES = 2
"""Pages of Datasette's own that are served at once: any SQL can be run there."""
_TABLES = "/telemetry"
_LARGEST = 2**63 - 1
_HEADERS = [
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]


class Guard:
    """Passes requests of this machine on, and answers others 400, 403 or 421."""

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

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        refused = self._refused(scope)
        if refused is not None:
            await _answer(send_with_headers, *refused)
        elif scope["path"].startswith(_TABLES):
            # Slow SQL waits for other SQL, and not the other pages for it.
            async with self._tables:
                await self._app(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _refused(self, scope: Any) -> tuple[int, str] | None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not is_known_host(hosts[0], self._names):
            return 421, "This host name is not known here: --allowed-host NAME makes it so."
        if not _is_ours(scope, hosts[0], headers):
            return 403, "Requests of pages elsewhere are refused."
        return _wrong_parameters(scope.get("query_string", b""), scope["path"])


def _is_ours(scope: Any, host: str, headers: dict[str, list[str]]) -> bool:
    """Whether a request comes from this viewer's pages, from the address bar, or from a program.

    A link elsewhere may open a page, which the page with the link can't read. It may not open one
    of Datasette's, which runs SQL.
    """
    site = headers.get("sec-fetch-site")
    if site and site[-1] not in ("same-origin", "none"):
        return (
            scope["method"] in ("GET", "HEAD")
            and headers.get("sec-fetch-mode") == ["navigate"]
            and headers.get("sec-fetch-dest") == ["document"]
            and not scope["path"].startswith((_TABLES, "/-/"))
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
    for name, value in pairs if path.startswith((_TABLES, "/-/")) else ():
        digits = value.strip().lstrip("+-")
        if digits.isdecimal() and (len(digits) > 4_000 or int(digits) > _LARGEST):
            return 400, f"{name[:60]!r} is a number of {len(digits)} digits: wanted up to 64 bits."
    return None


async def _answer(send: Any, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})
