import asyncio

import pytest

from config.sites.datasettes.lifespan import Lifespan, LifespanError
from telemetry.scope import Receive, Scope, Send


async def _silent(scope: Scope, _receive: Receive, _send: Send) -> None:
    """An application without a lifespan, of the polite kind."""
    assert scope["type"] == "lifespan"


async def _raising(_scope: Scope, receive: Receive, _send: Send) -> None:
    await receive()
    raise ValueError("out of order")


async def _failing(_scope: Scope, receive: Receive, send: Send) -> None:
    """One that says, at each turn, that it has failed."""
    while True:
        phase = (await receive())["type"]
        await send({"type": f"{phase}.failed", "message": f"no {phase}"})


def test_both_turns_are_answered() -> None:
    """Each when it is asked for, by one run of the application."""
    turns: list[str] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(2):
            phase = (await receive())["type"]
            turns.append(phase)
            await send({"type": f"{phase}.complete"})

    async def run() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        assert turns == ["lifespan.startup"]
        await lifespan.shutdown()

    asyncio.run(asyncio.wait_for(run(), 5))

    assert turns == ["lifespan.startup", "lifespan.shutdown"]


def test_an_application_without_one_is_fine() -> None:
    """It ended without a word, which is its right."""

    async def run() -> None:
        lifespan = Lifespan(_silent)
        await lifespan.startup()
        await lifespan.shutdown()

    asyncio.run(asyncio.wait_for(run(), 5))


def test_a_failure_is_raised() -> None:
    """What was raised as it is, and what was only said with its words."""

    async def run() -> None:
        with pytest.raises(ValueError, match="out of order"):
            await Lifespan(_raising).startup()
        lifespan = Lifespan(_failing)
        with pytest.raises(LifespanError, match=r"no lifespan\.startup"):
            await lifespan.startup()
        with pytest.raises(LifespanError, match=r"no lifespan\.shutdown"):
            await lifespan.shutdown()

    asyncio.run(asyncio.wait_for(run(), 5))
