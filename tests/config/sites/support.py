"""Small real databases, and a client that speaks to an ASGI application."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx

from config.asgi_types import ASGIApp


def make_database(path: Path, text: str = "Motion to approve the ferry terminal") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE minutes (id TEXT PRIMARY KEY, text TEXT)")
        database.execute("INSERT INTO minutes VALUES ('1', ?)", [text])


async def get(app: ASGIApp, url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.get(url, headers=headers)
