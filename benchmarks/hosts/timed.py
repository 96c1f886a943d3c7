"""The host as in production, with the time that parts of telemetry take within its requests."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from benchmarks.hosts.control import PATH, answer
from benchmarks.hosts.variables import TRIVIAL
from telemetry.asgi import edge, exchange
from telemetry.django.middleware import DjangoMiddleware
from telemetry.export.processors import OTLPSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.scope import ASGIApp, Message, Receive, Scope, Send

_Request = edge._ServerRequest
START, HEADER, END = "start", "header", "end"
# By its name in `benchmarks.places`, the owner of a function, and its name there.
_PLACES: dict[str, tuple[Any, str]] = {
    START: (_Request, "__init__"),
    HEADER: (exchange.Exchange, "_with_trace"),
    "django": (DjangoMiddleware, "_view"),
    "measurements": (_Request, "_count"),
    "encoding": (OTLPSpanProcessor, "_encode"),
    "line": (edge, "log_request"),
    END: (_Request, "end"),
}
_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"3")]
_nanoseconds = dict.fromkeys(_PLACES, 0)


def _timed(place: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter_ns()
        try:
            return function(*args, **kwargs)
        finally:
            _nanoseconds[place] += time.perf_counter_ns() - began

    return timed


def _time_places() -> None:
    for place, (owner, name) in _PLACES.items():
        setattr(owner, name, _timed(place, getattr(owner, name)))


def _build() -> ASGIApp:
    # Before the host puts its middleware and processors together.
    _time_places()
    import telemetry
    from config.asgi import application as observed

    trivial = telemetry.asgi_wrapper(_trivial)

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == PATH:
            # Those of this request are not asked for.
            if parse_qs(scope["query_string"].decode(), keep_blank_values=True).get("begin"):
                _nanoseconds.update(dict.fromkeys(_nanoseconds, 0))
            await answer(send, _nanoseconds)
            return
        await (trivial if scope.get("path") == TRIVIAL else observed)(scope, receive, send)

    return either


async def _trivial(_scope: Message, receive: Receive, send: Send) -> None:
    """The least that an application can do."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"ok\n"})


application = _build()
