"""The few answers that the router gives itself, as ASGI applications."""

from html import escape

from config.asgi_types import ASGIApp, Receive, Scope, Send

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 36rem;
padding: 0 1rem }}</style>
<h1>{title}</h1>
<p>{text}</p>
<p><a href="{home}">All sites</a></p>
</html>
"""


def redirect(location: str) -> ASGIApp:
    return _answer(302, b"", [(b"location", location.encode("latin-1"))])


def not_found(title: str, text: str, home: str) -> ASGIApp:
    page = _PAGE.format(title=escape(title), text=escape(text), home=escape(home))
    return _answer(404, page.encode(), [(b"content-type", b"text/html; charset=utf-8")])


async def refuse_websocket(_scope: Scope, receive: Receive, send: Send) -> None:
    """Decline a websocket before it is accepted; servers answer 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1000})


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
