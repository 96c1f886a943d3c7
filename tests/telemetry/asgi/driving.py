"""A server by hand: scope, receive and send, and nothing in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from typing import TypeAlias

    from telemetry.scope import Message, Receive, Send

    App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
    Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


class Client:
    """One client at the other end: what it was sent, and whether it is still there.

    `refuses` is the number of the message (from 0) at which `send` raises
    OSError, as a server of ASGI 2.4 does when the client is gone. `delay` is
    the seconds that it takes for each message, of its own or the application's.
    """

    def __init__(self, *incoming: Message, refuses: int | None = None, delay: float = 0.0) -> None:
        self._delay = delay
        self.sent: list[Message] = []
        self._incoming = list(incoming) or [{"type": "http.request", "body": b""}]
        self._refuses = refuses
        self._gone = asyncio.Event()

    def leave(self) -> None:
        self._gone.set()

    async def receive(self) -> Message:
        if self._incoming:
            await self._dawdle()
            return self._incoming.pop(0)
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._refuses is not None and len(self.sent) >= self._refuses:
            raise OSError("the client is gone")
        await self._dawdle()
        self.sent.append(message)

    async def _dawdle(self) -> None:
        # Not for no time at all, which would let others run all the same.
        if self._delay:
            await asyncio.sleep(self._delay)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def http_scope(
    path: str = "/", *, method: str = "GET", headers: Headers = (), **more: Any
) -> Message:
    """What a server makes of a request to 127.0.0.1:8000."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": b"",
        "root_path": "",
        "headers": [*_host_unless(headers), *headers],
        "server": ("127.0.0.1", 8000),
        "client": ("192.0.2.7", 51234),
        **more,
    }


def _host_unless(headers: Headers) -> Headers:
    given = any(name == b"host" for name, _ in headers)
    return [] if given else [(b"host", b"alameda.ca.civic.band")]


def websocket_scope(path: str = "/") -> Message:
    scope = http_scope(path, type="websocket", scheme="ws")
    del scope["method"]
    return scope


async def visit(app: App, path: str = "/", *, client: Client | None = None, **scope: Any) -> Client:
    """One request, until the application has returned."""
    client = client or Client()
    await app(http_scope(path, **scope), client.receive, client.send)
    return client


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run to the end in a loop and a context of its own."""
    return asyncio.run(work)


def answering(
    status: int = 200, *chunks: bytes, headers: Headers = (), then: Callable[[], None] | None = None
) -> App:
    """An application that always answers the same; `then` runs after the last byte."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        if then is not None:
            then()

    return app
