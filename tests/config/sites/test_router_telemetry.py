"""What the router tells telemetry's request record."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from opentelemetry import context
from opentelemetry.trace import INVALID_SPAN

from config.sites.directory import RegisteredSite, SiteDirectory
from config.sites.router import SubdomainRouter
from telemetry import RequestRecord
from telemetry.request import attach_record
from telemetry.scope import Receive, Scope, Send
from tests.config.sites.datasettes.support import Pool
from tests.config.sites.support import get, make_database


async def _load() -> Mapping[str, RegisteredSite]:
    return {
        name: RegisteredSite(name, name, "CA") for name in ("alameda.ca", "empty.ca", "broken.ca")
    }


async def _inner(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inner"})


@pytest.mark.parametrize(
    ("host", "site", "outcome", "failure"),
    [
        ("alameda.ca.localhost", "alameda.ca", "served", None),
        ("empty.ca.localhost", "empty.ca", "served", None),
        # The edge makes its outcome of the status.
        ("broken.ca.localhost", "broken.ca", "served", "SiteUnavailableError"),
        ("forged.localhost", None, "unknown_site", None),
        ("localhost", None, "served", None),
        ("evil.example", None, "served", None),
    ],
)
def test_only_a_registered_site_is_named(
    tmp_path: Path, host: str, site: str | None, outcome: str, failure: str | None
) -> None:
    """A name that a client made up becomes an outcome and never a label."""
    make_database(tmp_path / "alameda.ca" / "meetings.db")
    (tmp_path / "broken.ca").mkdir()
    (tmp_path / "broken.ca" / "meetings.db").write_bytes(b"not a database" * 100)
    record = RequestRecord("GET", INVALID_SPAN)

    async def visit() -> None:
        pool = Pool(tmp_path)
        router = SubdomainRouter(
            _inner,
            root_domains=("localhost",),
            directory=SiteDirectory(_load),
            pool=pool,
            other_names=(),
            https=False,
        )
        context.attach(attach_record(record, context.get_current()))
        await get(router, "http://x/", {"host": host})
        await pool.close()

    asyncio.run(visit())

    assert (record.site, record.outcome) == (site, outcome)
    assert (type(record.failure).__name__ if record.failure else None) == failure
