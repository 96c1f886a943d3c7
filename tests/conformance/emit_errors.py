"""Fails in each way that an error event has a name for; they go where SENTRY_DSN says.

For a process of its own, which the last of them ends.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import sentry_sdk
from datasette import hookimpl

import telemetry
from telemetry.export.budgets import MINUTE
from telemetry.state import state
from tests.conformance import site
from tests.telemetry.asgi.driving import visit

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send
    from tests.telemetry.asgi.driving import App

UNTRACED = "/static/broken"
MALFORMED = 12
os.environ |= {"TELEMETRY_EVENT_LIMIT": "20", "TELEMETRY_EVENT_GROUP_LIMIT": "100"}


class FailingPlugin:
    """A page of a site's that fails."""

    @hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def register_routes(self) -> list[tuple[str, Any]]:
        return [(r"^/-/fails$", fail)]


class Undeletable:
    """Python can only ignore what its end raises."""

    def __del__(self) -> None:
        fail()


def fail() -> None:
    raise LookupError("minutes are lost")


def build() -> App:
    """A host: Django, a site's Datasette, and a router that fails on one path."""
    site.set_up()
    telemetry.configure(default_service_name="host")
    telemetry.instrument()
    from datasette.app import Datasette
    from datasette.plugins import pm
    from django.core.asgi import get_asgi_application

    pm.register(FailingPlugin())
    django, datasette = get_asgi_application(), Datasette(memory=True).app()

    async def router(scope: Message, receive: Receive, send: Send) -> None:
        telemetry.set_site("alameda.ca")
        if scope["path"] == UNTRACED:
            fail()
        app: Any = datasette if scope["path"].startswith("/-/") else django
        await app(scope, receive, send)

    wrapped: App = telemetry.asgi_wrapper(router)
    return wrapped


async def visit_all(app: App) -> None:
    await visit(app, "/broken/")
    await visit(app, "/-/fails")
    # More than the limit of a minute, and one in the next minute.
    for _ in range(MALFORMED):
        await visit(app, "/-/permissions", method="BREW")
    events = state.configured.pipeline.budgets.events
    events._clock = lambda: time.monotonic() + MINUTE
    await visit(app, "/-/permissions", method="BREW")
    try:
        await visit(app, UNTRACED)
    except LookupError:
        # The edge passes it on to the server.
        return
    raise AssertionError("the router has not failed")


if __name__ == "__main__":
    asyncio.run(visit_all(build()))
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    child = multiprocessing.get_context("fork").Process(target=fail)
    child.start()
    child.join()
    Undeletable()
    for number in range(10):
        # Together more than an error tracker accepts.
        sentry_sdk.set_extra(f"page {number}", ["minutes" * 10_000] * 10)
    fail()
