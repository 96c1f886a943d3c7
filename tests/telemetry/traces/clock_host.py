"""A host whose system clock is set back by ten seconds in each of its requests.

Run by `test_clock`. It prints the seconds that each request took, by the monotonic clock.
"""

# ruff: noqa: E402 # the clock is replaced before anything reads it
from __future__ import annotations

import os
import time
from pathlib import Path

STEP = 10
WAIT = 0.05
# For `clock_set_back.c`.
BEHIND = os.environ.get("CLOCK_BEHIND")
_steps = 0
_clock_ns = time.time_ns

if BEHIND is None:
    time.time_ns = lambda: _clock_ns() - _steps * STEP * 10**9
    time.time = lambda: time.time_ns() / 1e9


def set_back() -> int:
    """Wait, and set the clock back. For SQLite, too."""
    global _steps
    time.sleep(WAIT)
    _steps += 1
    if BEHIND is not None:
        Path(BEHIND).write_bytes(bytes(_steps * STEP))
    return _steps


import asyncio
import json
from typing import TYPE_CHECKING, Any

import telemetry

telemetry.configure(default_service_name="host")

from datasette import Response, hookimpl
from datasette.app import Datasette
from datasette.plugins import pm
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path
from opentelemetry import trace

from tests.telemetry.asgi.driving import visit

if TYPE_CHECKING:
    from django.http import HttpRequest

tracer = trace.get_tracer("host")


def view(request: HttpRequest) -> HttpResponse:
    with tracer.start_as_current_span("own") as span:
        set_back()
        span.add_event("later")
        tracer.start_span("given", start_time=7_000_000_000).end(9_000_000_000)
    return HttpResponse("view")


urlpatterns = [path("view", view)]


class Plugin:
    """A SQL function, and a page whose second write waits for the first."""

    __name__ = "clock"

    @hookimpl  # type: ignore[untyped-decorator]
    def prepare_connection(self, conn: Any) -> None:
        conn.create_function("set_back", 0, set_back)

    @hookimpl  # type: ignore[untyped-decorator]
    def register_routes(self) -> list[Any]:
        async def writing(datasette: Any) -> Any:
            database = datasette.get_database("_memory")
            writes = [database.execute_write_fn(each) for each in (_set_back, _nothing)]
            await asyncio.gather(*writes)
            return Response.text("written")

        return [(r"^/-/writing$", writing)]


def _set_back(connection: Any) -> None:
    set_back()


def _nothing(connection: Any) -> None:
    pass


async def main() -> dict[str, float]:
    telemetry.instrument()
    django = get_asgi_application()
    pm.register(Plugin())
    datasette = Datasette(memory=True)
    site = datasette.app()

    async def route(scope: Any, receive: Any, send: Any) -> None:
        await (django if scope["path"] == "/view" else site)(scope, receive, send)

    application = telemetry.asgi_wrapper(route)
    began = time.monotonic()
    await datasette.invoke_startup()
    took = {"startup": time.monotonic() - began}
    for name, address in (
        ("view", "/view"),
        ("query", "/_memory/-/query.json?sql=select+set_back()"),
        ("write", "/-/writing"),
    ):
        at, _, query = address.partition("?")
        began = time.monotonic()
        answer = await visit(application, at, query_string=query.encode())
        took[name] = time.monotonic() - began
        assert answer.status == 200, (name, answer.body)
    return took


if __name__ == "__main__":
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="only-for-tests",
        LOGGING=telemetry.logging_config(debug=False),
    )
    took = asyncio.run(main())
    assert telemetry.flush(30) == 0
    print(json.dumps({"took": took, "steps": _steps}))
