"""The host as in production, with the time that parts of telemetry take within its requests."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from benchmarks.hosts.control import PATH, answer
from benchmarks.hosts.trivial import trivial
from benchmarks.hosts.variables import TRIVIAL
from telemetry.asgi import edge, exchange
from telemetry.django.middleware import DjangoMiddleware
from telemetry.export.processors import OTLPSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.scope import ASGIApp, Receive, Scope, Send

_Request = edge._ServerRequest
# By its name in `benchmarks.places`, the owner of a function, and its name there.
_PLACES: dict[str, tuple[Any, str]] = {
    "start": (_Request, "__init__"),
    "header": (exchange.Exchange, "_with_trace"),
    "django": (DjangoMiddleware, "_view"),
    "measurements": (_Request, "_count"),
    "encoding": (OTLPSpanProcessor, "encode_staged"),
    "line": (edge, "log_request"),
    "end": (_Request, "end"),
}
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

    nothing = telemetry.asgi_wrapper(trivial)

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == PATH:
            # Those of this request are not asked for.
            if parse_qs(scope["query_string"].decode(), keep_blank_values=True).get("begin"):
                _nanoseconds.update(dict.fromkeys(_nanoseconds, 0))
            await answer(send, _nanoseconds)
            return
        await (nothing if scope.get("path") == TRIVIAL else observed)(scope, receive, send)

    return either


application = _build()
