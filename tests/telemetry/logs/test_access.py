"""One line a request, however it ended, with all that is known of it."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import telemetry
from telemetry.logs.context import ATTRIBUTE
from telemetry.logs.formatters import JSONFormatter
from telemetry.redaction.redactor import Redactor
from telemetry.registry import log_fields as f
from telemetry.settings.model import RedactionSettings
from tests.telemetry.asgi.driving import Client, answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send
    from tests.telemetry.asgi.driving import App


def _line(
    caplog: pytest.LogCaptureFixture, app: App, client: Client | None = None, **edge: Any
) -> logging.LogRecord:
    observed = Observed(app, access_log=True, **edge)
    with caplog.at_level(logging.INFO, "telemetry.access"), suppress(Exception):
        run(visit(observed.edge, "/meetings/a\nb", client=client))
    [line] = caplog.records
    return line


async def _routed(scope: Message, receive: Receive, send: Send) -> None:
    telemetry.set_site("alameda.ca")
    record = telemetry.request_record()
    assert record is not None
    record.route = "/{database}"
    await answering(200, b"half", b"other")(scope, receive, send)


async def _failing(scope: Message, receive: Receive, send: Send) -> None:
    raise LookupError("lost")


def test_it_says_what_was_asked_and_how_it_was_answered(caplog: pytest.LogCaptureFixture) -> None:
    """Method, path, status, time and bytes; trace, site and route though the request is over."""
    line = _line(caplog, _routed)
    known = vars(line)
    assert line.getMessage().startswith("GET /meetings/a b 200 ")
    assert line.levelname == "INFO"
    assert (known[f.METHOD], known[f.PATH], known[f.STATUS]) == ("GET", "/meetings/a\nb", 200)
    assert (known[f.BYTES], known[f.OUTCOME], known[f.KEPT]) == (9, "served", True)
    assert 0 < known[f.MILLISECONDS] < 5_000
    found = json.loads(JSONFormatter().format(line))
    assert {*f.ACCESS, f.TRACE_ID, f.SITE, f.HTTP_ROUTE} <= found.keys()
    context = known[ATTRIBUTE]
    assert (context.site, context.route) == ("alameda.ca", "/{database}")
    assert len(context.trace_id) == 32


@pytest.mark.parametrize(
    ("app", "client", "status", "outcome", "level"),
    [
        (answering(404), None, 404, "served", "INFO"),
        (answering(503), None, 503, "error", "WARNING"),
        (_failing, None, 500, "error", "WARNING"),
        (answering(), Client(refuses=1), 200, "disconnected", "INFO"),
    ],
    ids=["missing", "unavailable", "failing", "disconnected"],
)
def test_however_it_ended(
    caplog: pytest.LogCaptureFixture,
    app: App,
    client: Client | None,
    status: int,
    outcome: str,
    level: str,
) -> None:
    """Never an error: what failed has been logged as one."""
    line = _line(caplog, app, client)
    assert (vars(line)[f.STATUS], vars(line)[f.OUTCOME]) == (status, outcome)
    assert line.levelname == level


@pytest.mark.parametrize(("was_kept", "kept"), [(None, False), (lambda _: True, True)])
def test_it_says_whether_its_trace_was_kept(
    caplog: pytest.LogCaptureFixture, was_kept: Any, kept: bool
) -> None:
    """By the sampler, or afterwards."""
    line = _line(caplog, answering(), sampler=ALWAYS_OFF, was_kept=was_kept)
    assert vars(line)[f.KEPT] is kept


def test_an_excluded_request_and_a_quiet_edge_write_none(caplog: pytest.LogCaptureFixture) -> None:
    """What is neither traced nor counted is not logged either."""
    with caplog.at_level(logging.INFO, "telemetry.access"):
        run(visit(Observed(answering(), access_log=True, excluded_urls="/x").edge, "/x"))
        run(visit(Observed(answering()).edge, "/y"))
    assert caplog.records == []


@pytest.mark.parametrize("asked", [False, True])
def test_the_client_is_named_only_if_asked_for(
    caplog: pytest.LogCaptureFixture, asked: bool
) -> None:
    """On the line and on the span alike."""
    observed = Observed(
        answering(), access_log=True, client_address=asked, user_agent=asked, query_string=asked
    )
    headers = [(b"user-agent", b"Browser/1.0 " + b"x" * 64_000)]
    with caplog.at_level(logging.INFO, "telemetry.access"):
        run(visit(observed.edge, "/x", client=Client(), query_string=b"q=1", headers=headers))
    [line] = caplog.records
    agent = f"Browser/1.0 {'x' * 244}" if asked else None
    written = json.loads(JSONFormatter().format(line))
    assert written.get("user_agent.original") == agent
    shown = Redactor(RedactionSettings()).attributes(observed.span.attributes or {})
    assert shown.get("user_agent.original") == agent
    assert (observed.span.attributes or {}).get("url.query") == ("q=1" if asked else None)
    address = "192.0.2.7" if asked else None
    assert vars(line).get(f.CLIENT_ADDRESS) == address
    assert (observed.span.attributes or {}).get("client.address") == address
