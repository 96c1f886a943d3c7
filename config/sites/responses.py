"""Responses of the router, as ASGI applications."""

from collections.abc import Sequence
from html import escape

import telemetry
from telemetry.scope import ASGIApp, Receive, Scope, Send

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>:root {{ color-scheme: light dark }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 36rem;
padding: 0 1rem }}</style>
<h1>{title}</h1>
<p>{text}</p>
{reference}<p><a href="{home}">All sites</a></p>
</html>
"""
_RETRY_SECONDS = 5


def redirect(location: str, status: int = 302) -> ASGIApp:
    return _answer(status, b"", [(b"location", location.encode("latin-1"))])


def not_found(title: str, text: str, home: str) -> ASGIApp:
    return _page(404, title, text, home)


def unavailable(title: str, text: str, home: str) -> ASGIApp:
    """Return a page for a temporary failure, with the trace id to report to the operator."""
    headers = [(b"retry-after", str(_RETRY_SECONDS).encode())]
    return _page(503, title, text, home, headers, reference=telemetry.trace_id())


def refuse_host() -> ASGIApp:
    """Refuse an unknown host name, without repeating it: the client chose it."""
    text = b"There is nothing under this host name here.\n"
    return _answer(400, text, [(b"content-type", b"text/plain; charset=utf-8")])


def refuse_target() -> ASGIApp:
    """Refuse a request with two Host headers or without a path, without repeating either."""
    text = b"This is no address of this host.\n"
    return _answer(400, text, [(b"content-type", b"text/plain; charset=utf-8")])


async def refuse_websocket(_scope: Scope, receive: Receive, send: Send) -> None:
    """Decline a websocket before it is accepted. Servers answer 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1000})


def _page(
    status: int,
    title: str,
    text: str,
    home: str,
    headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    reference: str | None = None,
) -> ASGIApp:
    named = f"<p>Reference: <code>{escape(reference)}</code></p>\n" if reference else ""
    page = _PAGE.format(title=escape(title), text=escape(text), home=escape(home), reference=named)
    kind = (b"content-type", b"text/html; charset=utf-8")
    # Not cached, so that the page disappears once the site works.
    return _answer(status, page.encode(), [kind, (b"cache-control", b"no-store"), *headers])


def _answer(status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> ASGIApp:
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [*headers, (b"content-length", str(len(body)).encode())],
    }

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": body})

    return app
