"""Put together as `config.asgi` does, with a failing layer where the router is."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import telemetry
from tests.end_to_end.inspection import PATH, send_inspection

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


class FailingLayer:
    """Fails in the router's place."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        from tests.end_to_end.failing import faults

        if scope["type"] == "http" and scope["path"] == "/fails-in-the-router":
            faults.fail("router")
        if scope["type"] == "http" and scope["path"] == "/reads-a-body":
            while (await receive())["type"] != "http.disconnect":
                pass
            # What a framework makes of a client that left.
            faults.fail("after-the-client-left")
        if scope["type"] == "http" and scope["path"] == "/streams":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(500):
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                await asyncio.sleep(0)
        if scope["type"] == "http" and scope["path"] == "/download":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(400):
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send)


def build() -> Any:
    telemetry.configure(default_service_name="corkboard")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.end_to_end.failing.settings")
    from django.core.asgi import get_asgi_application

    telemetry.instrument()
    application = get_asgi_application()

    import djp
    from datasette.plugins import pm

    from tests.end_to_end.failing import plugin

    pm.register(plugin)
    wrapped = telemetry.asgi_wrapper(FailingLayer(djp.asgi_wrapper(application)))

    async def inspected(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH:
            await send_inspection(send)
        else:
            await wrapped(scope, receive, send)

    return inspected


def _tell_of_forks() -> None:
    started = "sentry_sdk" in sys.modules and sys.modules["sentry_sdk"].get_client().is_active()
    print(f"forking, Sentry {'is' if started else 'is not'} initialised", flush=True)


os.register_at_fork(before=_tell_of_forks)
application = build()
