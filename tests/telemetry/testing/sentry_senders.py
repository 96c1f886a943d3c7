"""Sentry's own SDK, and envelopes written by hand, pointed at a receiver."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sentry_sdk

from tests.support import web

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from telemetry.testing import EventReceiver


@contextmanager
def scope_to(receiver: EventReceiver, **options: Any) -> Iterator[sentry_sdk.Scope]:
    """Give a scope whose client sends when the block ends; nothing global is touched."""
    settings: dict[str, Any] = {
        "default_integrations": False,
        "auto_session_tracking": False,
        "send_client_reports": False,
        "release": "1.2.3",
        "environment": "attic",
        # Otherwise the developer's own proxy would be asked for 127.0.0.1.
        "http_proxy": "",
    }
    client = sentry_sdk.Client(dsn=receiver.dsn, **settings | options)
    with sentry_sdk.new_scope() as scope:
        # Capturing asks the context for its client, not the scope.
        scope.set_client(client)
        try:
            yield scope
        finally:
            client.close(timeout=60)


def raise_and_capture(scope: sentry_sdk.Scope) -> str:
    """Capture a ValueError caused by a KeyError, and give the event's id."""
    try:
        try:
            raise KeyError("cause")
        except KeyError as cause:
            raise ValueError("boom") from cause
    except ValueError as error:
        event_id = scope.capture_exception(error)
    assert event_id is not None
    return event_id


def post(receiver: EventReceiver, body: bytes, *, zipped: bool = False) -> httpx.Response:
    """Send bytes as an envelope."""
    headers = {"Content-Type": "application/x-sentry-envelope"}
    if zipped:
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body)
    return web.post(f"{receiver.url}/api/1/envelope/", headers=headers, content=body)


def lines(*parts: object) -> bytes:
    """Give each part on a line of its own: bytes as they are, the rest as JSON."""
    return b"".join(
        (part if isinstance(part, bytes) else json.dumps(part).encode()) + b"\n" for part in parts
    )
