"""The error page for unhandled exceptions. The server's own page has no trace id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import telemetry.request

if TYPE_CHECKING:
    from telemetry.asgi.exchange import Exchange


async def send_error_page(exchange: Exchange) -> None:
    """Send a plain-text 500 response with the trace id as a reference for support."""
    lines = ["Internal Server Error"]
    reference = telemetry.request.trace_id()
    if reference is not None:
        lines.append(f"Reference: {reference}")
    body = ("\n".join(lines) + "\n").encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    # The exception is raised to the server as well, which closes the connection.
    # gunicorn does not log an exception that is raised after a complete response.
    # So the response is left incomplete: its length is given and the connection
    # ends it. HTTP/2 has streams and needs no `connection: close`.
    close = str(exchange.record.scope.get("http_version", "")).startswith("1")
    if close:
        headers.append((b"connection", b"close"))
    await exchange.send({"type": "http.response.start", "status": 500, "headers": headers})
    await exchange.send({"type": "http.response.body", "body": body, "more_body": close})
