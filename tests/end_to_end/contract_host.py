"""A plain ASGI application, for what holds of every server and framework."""

from __future__ import annotations

import logging.config
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

import telemetry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

telemetry.configure(default_service_name="contract")
logging.config.dictConfig(telemetry.logging_config())


class UnprintableError(Exception):
    """Has neither a text nor a representation."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class UnhashableError(Exception):
    """Is equal to nothing, and can't be a key."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")


def _group() -> Exception:
    return ExceptionGroup("a thousand", [ValueError(str(number)) for number in range(1000)])


def _cycle() -> Exception:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def _cycle_of_groups() -> Exception:
    inner = ValueError("inner")
    group = ExceptionGroup("outer", [inner])
    inner.__cause__ = group
    return group


def _deep() -> Exception:
    found: Exception = ValueError("the first")
    for number in range(300):
        found = ExceptionGroup(str(number), [found])
    return found


def _chain() -> Exception:
    found = ValueError("the first")
    for number in range(2000):
        following = ValueError(str(number))
        following.__cause__ = found
        found = following
    return found


FAILURES: dict[str, Callable[[], Exception]] = {
    "plain": lambda: ValueError("plain"),
    "unprintable": UnprintableError,
    "unhashable": lambda: UnhashableError("unhashable"),
    "group": _group,
    "cycle": _cycle,
    "groups": _cycle_of_groups,
    "deep": _deep,
    "chain": _chain,
    "surrogate": lambda: ValueError("\ud800"),
    "arguments": lambda: ValueError(*range(10_000)),
}


async def _application(scope: Message, _receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise RuntimeError("only http here")
    telemetry.set_site("alameda.ca")
    path = scope["path"].removeprefix(scope["root_path"])
    _, kind, *rest = path.split("/")
    # As docs/guides/asgi.md has it.
    trace.get_current_span().set_attribute("http.route", f"/{kind}/{{name}}")
    start: Message = {"type": "http.response.start", "status": 200, "headers": []}
    if kind == "fails":
        raise FAILURES[rest[0]]()
    if kind == "nothing":
        return
    await send(start)
    await send({"type": "http.response.body", "body": path.encode(), "more_body": True})
    if kind == "stream":
        raise FAILURES[rest[0]]()
    if kind != "half":
        await send({"type": "http.response.body", "body": b""})


application = telemetry.asgi_wrapper(_application)
