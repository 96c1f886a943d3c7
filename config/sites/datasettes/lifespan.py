"""Runs an ASGI application's lifespan, as a server does."""

import asyncio

from telemetry.scope import ASGIApp, Message


class LifespanError(Exception):
    """The application reported that its start or stop failed."""


class Lifespan:
    """One run of the lifespan protocol, in the running event loop.

    Not asgi-lifespan, which waits forever for a start that failed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._questions: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._run = asyncio.ensure_future(app(scope, self._questions.get, self._answers.put))

    async def startup(self) -> None:
        """Start the application. Raises LifespanError, or the application's exception."""
        await self._ask("startup")

    async def shutdown(self) -> None:
        """Stop the application. Raises LifespanError, or the application's exception."""
        await self._ask("shutdown")

    async def _ask(self, phase: str) -> None:
        self._questions.put_nowait({"type": f"lifespan.{phase}"})
        answer = asyncio.ensure_future(self._answers.get())
        await asyncio.wait({answer, self._run}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            # It ended without a message: it does not support lifespan, or it raised an exception.
            self._run.result()
        elif answer.result()["type"] == f"lifespan.{phase}.failed":
            raise LifespanError(answer.result().get("message", ""))
