"""The Server-Timing header, which is for developers."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from telemetry import failsafe
from telemetry.asgi.server_timing import ServerTiming
from telemetry.state import state
from tests.telemetry.asgi.driving import Client
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path


def _headers(app: ServerTiming) -> list[tuple[bytes, bytes]]:
    client = Client()
    asyncio.run(app({"type": "http", "method": "GET", "path": "/"}, client.receive, client.send))
    return list(client.sent[0]["headers"])


async def _application(_scope: Any, _receive: Any, send: Any) -> None:
    await asyncio.sleep(0.02)
    headers = [(b"server-timing", b"cache;dur=3")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    ("queries", "expected"),
    [
        ((0, 0.0), ""),
        ((1, 0.0042), 'sql;dur=4.2;desc="1 query", '),
        ((49, 0.0274), 'sql;dur=27.4;desc="49 queries", '),
    ],
)
def test_what_is_known_is_told(queries: tuple[int, float], expected: str) -> None:
    """In a header of its own: the application's is left as it is."""
    own, added = _headers(ServerTiming(_application, lambda _span_id: queries))
    assert own == (b"server-timing", b"cache;dur=3")
    name, value = added[0], added[1].decode()
    assert name == b"server-timing"
    assert value.startswith(f"{expected}total;dur=")
    assert float(value.rpartition("=")[2]) >= 20


def test_the_page_comes_first() -> None:
    """A failure is counted, and the header is not there."""

    def fails(_span_id: int) -> tuple[int, float]:
        raise RuntimeError("planted")

    failsafe.raise_failures(False)
    try:
        assert _headers(ServerTiming(_application, fails)) == [(b"server-timing", b"cache;dur=3")]
        assert state.failures["edge.server_timing"] == 1
    finally:
        state.failures.clear()


WITHOUT_DATASETTE = """
    import asyncio, sys
    # As Python's import system has it for a package that can't be imported.
    sys.modules["datasette"] = None
    import telemetry
    telemetry.configure(
        {"OTEL_TRACES_EXPORTER": "console", "TELEMETRY_CONSOLE": "off"}, debug=True
    )
    from django.conf import settings
    engine = {"BACKEND": "django.template.backends.django.DjangoTemplates", "NAME": "pages"}
    settings.configure(TEMPLATES=[engine])
    import django
    django.setup()
    telemetry.instrument()
    from django.template import engines
    template = engines["pages"].from_string("minutes of {{ page }}")

    async def app(scope, receive, send):
        body = template.render({"page": scope["path"]}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    print(template.render({"page": "a mail"}))
    from tests.telemetry.asgi.driving import visit
    client = asyncio.run(visit(telemetry.asgi_wrapper(app), "/7"))
    print(client.body.decode())
    print(dict(client.sent[0]["headers"])[b"server-timing"].decode())
"""


def test_a_host_without_datasette_has_the_time_of_djangos_templates(tmp_path: Path) -> None:
    """A template that is rendered outside a request, as a mail is, belongs to no request."""
    outside, page, timing = printed(tmp_path, WITHOUT_DATASETTE).splitlines()
    assert (outside, page) == ("minutes of a mail", "minutes of /7")
    assert re.fullmatch(r"template;dur=[\d.]+, total;dur=[\d.]+", timing)
