"""What a client sends in headers leaves in no text of a failure, in whatever form it is quoted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from telemetry.header_values import MAX_VALUES, MIN_CUT, header_values, without
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import asyncio, base64, json, logging, sys
import telemetry
from telemetry.testing import EventReceiver, OTLPReceiver
from tests.telemetry.asgi.driving import visit

otlp, errors = OTLPReceiver(), EventReceiver()
otlp.start()
errors.start()
import os
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = otlp.url
os.environ["SENTRY_DSN"] = errors.dsn
telemetry.configure(default_service_name="host")
from opentelemetry import _logs, trace
logging.config.dictConfig(telemetry.logging_config())
HEADERS = {
    "origin": "https://planted.example",
    "referer": "https://planted.example/planted/page",
    "user-agent": "Planted/1.0 (O'Planted \\xe9\\xe8)",
    "x-forwarded-for": "203.0.113.77, planted-proxy",
    "cookie": "theme=dark; other=planted-crumb",
    "authorization": "Basic " + base64.b64encode(b"bob:planted-words").decode(),
    "sec-websocket-protocol": "chat, planted-chat",
    "accept": "text/planless",
    "x-shown": "shown words",
}
tracer = trace.get_tracer("another scope")


async def application(scope, receive, send):
    sent = dict(scope["headers"])
    texts = [value.decode("latin-1") for value in sent.values()]
    texts += ["planted-crumb", "planted-proxy", "bob:planted-words", "planted-chat"]
    texts += [repr(text) for text in texts] + [json.dumps(texts), repr(sent)]
    text = "refused: " + " and ".join(texts)
    logging.getLogger("host").error(text, extra={"sent": {"list": texts}})
    _logs.get_logger("host").emit(_logs.LogRecord(body=text, attributes={"sent": texts}))
    span = tracer.start_span("checks")
    span.set_status(trace.StatusCode.ERROR, text)
    span.add_event("exception", {"exception.message": text})
    span.end()
    with tracer.start_as_current_span("handles"):
        raise ValueError(text)


async def main():
    headers = [(key.encode(), value.encode("latin-1")) for key, value in HEADERS.items()]
    try:
        await visit(telemetry.asgi_wrapper(application), headers=headers)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")

asyncio.run(main())
telemetry.flush(20)
for item in (*otlp.spans, *otlp.logs):
    print(item, file=sys.stdout)
for event in errors.events:
    print(json.dumps(event.raw))
print(len(otlp.spans), len(otlp.logs), len(errors.events))
"""


def test_no_header_leaves_with_a_failure(tmp_path: Path) -> None:
    """In spans of any scope, records of both APIs, lines and error events; but for a named one."""
    shown = printed(
        tmp_path,
        PROGRAM,
        OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST="x-shown",
        OTEL_METRICS_EXPORTER="none",
    )
    *lines, counts = shown.splitlines()
    spans, logs, events = map(int, counts.split())
    assert (spans, events) == (3, 2)
    assert logs >= 3
    assert not [line for line in lines if re.search("planted|203.0.113", line, re.IGNORECASE)]
    assert "shown words" in shown
    assert "text/planless" in shown
    for kind in (
        "exception.message",
        "exception.stacktrace",
        "refused: alameda.ca.civic.band and [REDACTED]",
    ):
        assert kind in shown


def of(*headers: tuple[str, str], shown: str | None = None) -> tuple[str, ...]:
    pattern = re.compile(shown) if shown else None
    return header_values([(k.encode(), v.encode("latin-1")) for k, v in headers], pattern)


def test_ordinary_headers_stay() -> None:
    """What everybody sends, and a host's name; not if the name is a credential's."""
    ordinary = [
        ("host", "alameda.ca.civic.band:8000"),
        ("accept", "text/html,application/xhtml+xml"),
        ("accept-language", "en-GB,en"),
        ("content-type", "application/json"),
        ("connection", "keep-alive"),
        ("sec-fetch-mode", "navigate"),
        ("if-modified-since", "Sun, 29 Nov 2026 10:00:00 GMT"),
        ("x-short", "words"),
    ]
    assert of(*ordinary) == ()
    assert of(("x-shown", "shown words"), shown="x-.*") == ()
    credentials = [("host", "planted host!"), ("accept-token", "abcdef"), ("if-session", "abcdefg")]
    assert of(*credentials) == ("planted host!", "abcdefg", "abcdef")


def test_the_longest_value_is_replaced_first() -> None:
    """An origin is the beginning of a referer, whose path would stay."""
    values = of(("origin", "https://a.example"), ("referer", "https://a.example/planted"))
    text = "Referer checking failed - https://a.example/planted, not https://a.example."
    assert without(values, text) == "Referer checking failed - [REDACTED], not [REDACTED]."


@pytest.mark.parametrize("inside", [6, 20, 4000])
def test_a_value_that_a_limit_cuts_is_replaced(inside: int) -> None:
    """Its beginning at the end of a text; a short text, which nothing has cut, stays."""
    values = of(("cookie", "crumb=" + "planted-" * 600))
    whole = "a " * (MIN_CUT // 2) + values[0][:inside]
    assert "planted" not in without(values, whole)
    assert without(of(("referer", "https://a.example/x")), "at https://a.example") == (
        "at https://a.example"
    )


def test_the_number_of_values_is_bounded() -> None:
    """A client chooses how many headers it sends; the header itself is among the values."""
    cookies = "; ".join(f"c{number}=value-{number}" for number in range(5000))
    values = of(("cookie", cookies))
    assert len(values) == MAX_VALUES
    assert values[0] == cookies
