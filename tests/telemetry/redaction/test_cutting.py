"""A limit never halves a credential and so hides it from its rule: it applies after redaction."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import INVALID_SPAN
from opentelemetry.util.http import SanitizeValue

from telemetry.asgi.headers import (
    address_attributes,
    captured_headers,
    method_attributes,
    query_string,
    user_agent,
)
from telemetry.errors.sentry.redaction import AllowedHeaders, BeforeSend
from telemetry.export.encoding.values import ValueEncoder
from telemetry.logs.access import log_request
from telemetry.logs.formatters import JSONFormatter
from telemetry.logs.plain import text as plain_text
from telemetry.redaction.bounds import CUT
from telemetry.redaction.redactor import Redactor
from telemetry.request import RequestRecord
from telemetry.settings import read_settings
from telemetry.settings.model import RedactionSettings
from telemetry.settings.variables import TEXT_LENGTH_LIMIT
from tests.telemetry.asgi.driving import http_scope

if TYPE_CHECKING:
    from collections.abc import Callable

OWN = "planted words of the operator, with blanks"
SETTINGS = RedactionSettings(secrets=(OWN,))
LIMIT = TEXT_LENGTH_LIMIT.default
REDACTOR = Redactor(SETTINGS)
NAME = "http.request.header."
ENCODER = ValueEncoder(REDACTOR)
SECRETS = [
    OWN,
    "planted@mail.example.org",
    "password=planted-and-more",
    "sk_live_plantedplantedplanted",
    "postgres://bob:planted@db.example/x",
    "eyJhbGciOiJIUzI1NiJ9.eyJwbGFudGVkIjoxfQ.c2lnbmF0dXJlplanted",
]


def of_path(text: str) -> str:
    found = address_attributes({"path": text})
    return str(dict(REDACTOR.attributes(found))["url.path"])


def of_method(text: str) -> str:
    found = method_attributes(text)[1]
    return str(dict(REDACTOR.attributes(found))["http.request.method_original"])


def of_agent(text: str) -> str:
    agent = user_agent({"headers": [(b"user-agent", text.encode())]})
    return str(REDACTOR.value("user_agent.original", agent))


def of_query(text: str) -> str:
    # The names of parameters are shown.
    query = query_string({"query_string": text.replace(" ", "=&").encode()})
    return str(REDACTOR.value("url.query", query))


def of_header(text: str) -> str:
    headers = captured_headers(
        [(b"x-long", text.encode())], ["x-long"], SanitizeValue([]), lambda name: f"{NAME}{name}"
    )
    found = dict(REDACTOR.attributes(headers))
    # As encoded, too: item by item.
    assert ENCODER.attributes(b"", headers) == ValueEncoder(None).attributes(b"", found)
    [value] = found[f"{NAME}x-long"]
    return str(value)


def of_events_header(text: str) -> str:
    variable = {"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "x-long"}
    settings = read_settings(variable)
    headers = AllowedHeaders(settings).of([("x-long", text)])
    event: Any = {"request": {"headers": headers}}
    sent: Any = BeforeSend(settings, REDACTOR)(event, {})
    return str(sent["request"]["headers"]["x-long"])


def of_statement(text: str) -> str:
    # In SQL only what has a shape is a secret.
    shape = text.replace("password=planted-and-more", "").replace("bob:planted", "")
    [shown] = REDACTOR.value("corkboard.queries.statements", [f"select {shape}"])
    return str(shown)


def of_access_line(text: str) -> str:
    scope = http_scope("/page" + text)
    record = RequestRecord("GET", INVALID_SPAN, scope)
    written: list[str] = []
    handler = logging.StreamHandler(SimpleNamespace(write=written.append, flush=list))
    handler.setFormatter(JSONFormatter(redaction=SETTINGS))
    logger = logging.getLogger("telemetry.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # Another handler has the line made from a record.
    other = logging.NullHandler()
    try:
        for _ in range(2):
            log_request(record, status=200, size=1, seconds=0.1, kept=False)
            logger.addHandler(other)
    finally:
        logger.removeHandler(handler)
        logger.removeHandler(other)
        logger.setLevel(logging.NOTSET)
    first, second = map(json.loads, written)
    assert first["message"] == second["message"]
    assert first["url.path"] == second["url.path"] == of_path("/page" + text)
    message: str = first["message"]
    return message.removeprefix("GET ").removesuffix(" 200 100.0 ms")


# How a text is cut, and to how many characters.
LIMITS: dict[str, tuple[Callable[[str], str], int]] = {
    "text": (REDACTOR.text, LIMIT),
    "log line": (lambda text: REDACTOR.text(plain_text(text)), LIMIT),
    "name": (lambda text: ENCODER.text(text, 1024).decode(), 1024),
    "status": (lambda text: ENCODER.text(text, 4096).decode(), 4096),
    "path": (of_path, 1024),
    "route": (lambda text: str(REDACTOR.value("http.route", text)), 1024),
    "method": (of_method, 32),
    "user agent": (of_agent, 256),
    "query string": (of_query, 2048),
    "captured header": (of_header, 1024),
    "header of an event": (of_events_header, 1024),
    "statement": (of_statement, 256),
    "access line": (of_access_line, 1024),
    "bytes": (lambda text: REDACTOR.anything(text.encode()).decode(), LIMIT),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_no_limit_halves_a_credential(limit: str) -> None:
    """Wherever in it the limit is, and however long the rest of the text."""
    cut, length = LIMITS[limit]
    for secret in SECRETS:
        for inside in range(1, len(secret), 5):
            for after in ("", " and more", " x" * 3000):
                shown = cut("/" + "a " * ((length - inside) // 2) + secret + after)
                assert len(shown.removesuffix(CUT).removesuffix("[...]")) <= length
                assert "planted" not in shown
                assert "bob:" not in shown
