"""Datasette plugins that watch, hold up or break the instances under test."""

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

from datasette import hookimpl
from datasette.app import Datasette

from telemetry.scope import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from collections.abc import Callable

VISITOR: contextvars.ContextVar[str] = contextvars.ContextVar("visitor", default="nobody")


class Watcher:
    """Notes what happens to instances, and on whose behalf."""

    def __init__(self) -> None:
        self.started: list[Datasette] = []
        self.stopped: list[Datasette] = []
        self.cancelled: list[Datasette] = []
        self.visitors: list[str] = []
        self._changed = asyncio.Event()
        self.error: Exception | None = None
        self.on_startup: Callable[[Datasette], None] = lambda _datasette: None

    @property
    def running(self) -> list[Datasette]:
        """Those that were started and not yet stopped."""
        return [datasette for datasette in self.started if datasette not in self.stopped]

    @hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def startup(self, datasette: Datasette) -> None:
        self.started.append(datasette)
        self.visitors.append(VISITOR.get())
        self.on_startup(datasette)
        if self.error:
            raise self.error

        async def background(datasette: Datasette) -> None:
            self.visitors.append(VISITOR.get())
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(datasette)
                raise

        datasette.add_background_task(background)

    @hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def shutdown(self, datasette: Datasette) -> None:
        self.stopped.append(datasette)
        self._changed.set()

    async def until_stopped(self, number: int) -> None:
        """Wait until so many instances have stopped."""
        while len(self.stopped) < number:
            self._changed.clear()
            await self._changed.wait()


class LifespanWatcher:
    """A plugin with a wrapper of its own that wants to know when its server starts and stops."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.error: Exception | None = None

    @hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def asgi_wrapper(self) -> Any:
        def wrap(app: ASGIApp) -> ASGIApp:
            async def watched(scope: Scope, receive: Receive, send: Send) -> None:
                async def hear() -> Message:
                    message = await receive()
                    self.seen.append(message["type"])
                    if self.error:
                        raise self.error
                    return message

                await app(scope, hear if scope["type"] == "lifespan" else receive, send)

            return watched

        return wrap


class Rows:
    """Adds `/-/rows`: all rows of `minutes`, one query and one chunk at a time.

    As a streamed export does it: the queries are spread over all threads, and
    so over all connections.
    """

    @hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def register_routes(self) -> list[tuple[str, Any]]:
        return [(r"^/-/rows$", self._rows)]

    @staticmethod
    async def _rows(datasette: Datasette, send: Send) -> None:
        database = datasette.get_database("meetings")
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        ids = await database.execute("select id from minutes order by rowid")
        for (key,) in ids.rows:
            # Two at once: each has a thread of its own.
            query = "select text from minutes where id = ?"
            found = await asyncio.gather(*(database.execute(query, [key]) for _ in range(2)))
            texts = {result.rows[0][0] for result in found}
            body = f"{key} {'|'.join(sorted(texts))}\n".encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
