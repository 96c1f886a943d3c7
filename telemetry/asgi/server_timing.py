"""The Server-Timing header under DEBUG, which browsers show in their network panel.

Source: W3C, "Server Timing": metrics with `dur` in milliseconds and `desc`. Headers are sent
before the body, so the header covers only the time until then.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry import trace

from telemetry import private_api
from telemetry.failsafe import failed
from telemetry.request import request_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.scope import Message, Receive, Send

SERVER_TIMING = b"server-timing"


class ServerTiming:
    """ASGI middleware between the edge and the application, which adds the header.

    A Server-Timing header of the application stays.

    Args:
        app: the ASGI application.
        queries: given a span's id, returns how many of Datasette's queries have ended in its
            local trace, and SQLite's execution time for them in seconds.
    """

    def __init__(self, app: Any, queries: Callable[[int], tuple[int, float]]) -> None:
        self.app = app
        self._queries = queries

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = self._with_header(message, time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, timed)

    def _with_header(self, message: Message, seconds: float) -> Message:
        try:
            value = ", ".join(self._metrics(seconds)).encode("ascii")
        except Exception as error:  # noqa: BLE001 # the page comes first
            failed("edge.server_timing", error)
            return message
        return {**message, "headers": [*message.get("headers", ()), (SERVER_TIMING, value)]}

    def _metrics(self, seconds: float) -> Iterator[str]:
        span_id = trace.get_current_span().get_span_context().span_id
        count, execution = self._queries(span_id)
        if count:
            noun = "query" if count == 1 else "queries"
            yield f'sql;dur={execution * 1000:.1f};desc="{count} {noun}"'
        record = request_record()
        if record is not None and record.template_time:
            yield f"template;dur={record.template_time * 1000:.1f}"
        yield f"total;dur={seconds * 1000:.1f}"


def measure_templates() -> None:
    """Patch Django and Datasette to measure template rendering. Call it once in a process."""
    for package, name, measured in (
        ("django", private_api.DJANGO_TEMPLATES, _rendered),
        ("datasette", private_api.DATASETTE_TEMPLATES, _rendered_by_datasette),
    ):
        if importlib.util.find_spec(package) is None:
            continue
        importlib.import_module(package)
        render = private_api.get(name)
        if render is not None:
            private_api.replace(name, wrapt.FunctionWrapper(render, measured))


def _rendered(wrapped: Callable[..., Any], _instance: Any, args: Any, kwargs: Any) -> Any:
    with _measured():
        return wrapped(*args, **kwargs)


async def _rendered_by_datasette(
    wrapped: Callable[..., Any], _instance: Any, args: Any, kwargs: Any
) -> Any:
    with _measured():
        return await wrapped(*args, **kwargs)


@contextmanager
def _measured() -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        record = request_record()
        if record is not None:
            record.template_time += time.perf_counter() - began
