"""What the router tells telemetry's request record."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from opentelemetry import context
from opentelemetry.trace import INVALID_SPAN

from config.asgi_types import Receive, Scope, Send
from config.sites.datasettes import Datasettes
from config.sites.directory import RegisteredSite, SiteDirectory
from config.sites.router import SubdomainRouter
from telemetry import RequestRecord
from telemetry.request import attach_record
from tests.config.sites.support import get, make_database


async def _load() -> Mapping[str, RegisteredSite]:
    return {name: RegisteredSite(name, name, "CA") for name in ("alameda.ca", "empty.ca")}


async def _inner(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inner"})


@pytest.mark.parametrize(
    ("host", "site", "outcome"),
    [
        ("alameda.ca.localhost", "alameda.ca", "served"),
        ("empty.ca.localhost", "empty.ca", "served"),
        ("forged.localhost", None, "unknown_site"),
        ("localhost", None, "served"),
        ("evil.example", None, "served"),
    ],
)
def test_only_a_registered_site_is_named(
    tmp_path: Path, host: str, site: str | None, outcome: str
) -> None:
    """A name that a client made up becomes an outcome and never a label."""
    make_database(tmp_path / "alameda.ca" / "meetings.db")
    record = RequestRecord("GET", INVALID_SPAN)

    async def visit() -> None:
        datasettes = Datasettes(tmp_path, secret=str)
        router = SubdomainRouter(
            _inner,
            root_domains=("localhost",),
            directory=SiteDirectory(_load),
            datasettes=datasettes,
        )
        context.attach(attach_record(record, context.get_current()))
        await get(router, "http://x/", {"host": host})
        await datasettes.close()

    asyncio.run(visit())

    assert (record.site, record.outcome) == (site, outcome)
