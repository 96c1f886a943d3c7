"""The ASGI lifespan at the edge: start exporting with the worker, flush at its shutdown.

uvicorn raises SIGTERM again after its shutdown, so ``atexit`` handlers do not run
there: see `telemetry.asgi.unannounced`. Django does not support the lifespan protocol, so the edge
completes it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telemetry.scope import Message, Receive, Send

logger = logging.getLogger("telemetry")


class Lifespan:
    """One run of the lifespan protocol around an application that may not support it."""

    def __init__(
        self,
        started: Callable[[], Awaitable[None]],
        stopping: Callable[[], Awaitable[None]],
        unannounced: Callable[[], None] | None = None,
    ) -> None:
        self._started = started
        self._stopping = stopping
        self._unannounced = unannounced
        self._received: set[str] = set()
        self._answered: set[str] = set()

    async def __call__(
        self, app: Callable[..., Awaitable[None]], scope: Message, receive: Receive, send: Send
    ) -> None:
        """Run ``app``; complete each phase that it did not complete itself."""

        async def watched_receive() -> Message:
            message = await receive()
            self._received.add(message["type"])
            return message

        async def watched_send(message: Message) -> None:
            self._answered.add(message["type"])
            if message["type"] == "lifespan.startup.complete":
                await self._started()
            elif message["type"].startswith("lifespan.shutdown."):
                await self._stopping()
            await send(message)

        try:
            await app(scope, watched_receive, watched_send)
        except Exception as error:
            # By the specification this means "not supported". After start-up has begun it is an
            # error: the server decides at once whether it serves, then without a lifespan.
            if self._answered or self._received:
                if self._is_over:
                    await self._stopping()
                elif self._unannounced is not None:
                    self._unannounced()
                raise
            logger.info("the application does not speak lifespan (%s); the edge does", error)
        if "lifespan.startup.failed" not in self._answered:
            await self._complete("startup", watched_receive, watched_send)
            await self._complete("shutdown", watched_receive, watched_send)

    @property
    def _is_over(self) -> bool:
        failed = "lifespan.startup.failed" in self._answered
        return failed or "lifespan.shutdown" in self._received

    async def _complete(self, phase: str, receive: Receive, send: Send) -> None:
        answers = {f"lifespan.{phase}.complete", f"lifespan.{phase}.failed"}
        if self._answered & answers:
            return
        while f"lifespan.{phase}" not in self._received:
            await receive()
        await send({"type": f"lifespan.{phase}.complete"})
