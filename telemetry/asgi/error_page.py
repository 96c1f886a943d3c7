"""The page for an exception that nobody made one of: a server's own would not name the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import telemetry.request

if TYPE_CHECKING:
    from telemetry.asgi.exchange import Exchange


async def send_error_page(exchange: Exchange) -> None:
    """Answer 500 in plain text, with the trace's id to be read out to the operator."""
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
    # The exception goes on to the server, which hangs up. gunicorn does not log
    # one that comes after a complete response, so this one, whose length is
    # given, ends with the connection; HTTP/2 has streams for that.
    hangs_up = str(exchange.record.scope.get("http_version", "")).startswith("1")
    if hangs_up:
        headers.append((b"connection", b"close"))
    await exchange.send({"type": "http.response.start", "status": 500, "headers": headers})
    await exchange.send({"type": "http.response.body", "body": body, "more_body": hangs_up})
