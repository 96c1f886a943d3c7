"""Small real databases, and a client that speaks to an ASGI application."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx

from telemetry.scope import ASGIApp

FERRY = "Motion to approve the ferry terminal"


def make_database(path: Path, *texts: str) -> None:
    """Write a database of documents, numbered from 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE minutes (id TEXT PRIMARY KEY, text TEXT)")
        rows = [(str(number), text) for number, text in enumerate(texts or (FERRY,), start=1)]
        database.executemany("INSERT INTO minutes VALUES (?, ?)", rows)


async def get(app: ASGIApp, url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.get(url, headers=headers)
