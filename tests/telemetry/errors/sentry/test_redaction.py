"""The last word on an event: what leaves of a request, and of what anybody put into it."""

from __future__ import annotations

from typing import Any

from telemetry.errors.sentry.redaction import BeforeSend
from telemetry.failsafe import raise_failures
from telemetry.redaction.redactor import Redactor
from telemetry.state import state
from tests.telemetry.settings.reading import read


def sent(event: dict[str, Any], **variables: str) -> Any:
    settings = read(**variables)
    return BeforeSend(settings, Redactor(settings.redaction))(event, {})  # type: ignore[arg-type]


def test_of_a_request_only_the_method_and_the_address_leave() -> None:
    """Though a host's own processor put the rest there."""
    event = sent(
        {
            "request": {
                "method": "POST",
                "url": "http://x.example/a/planted@example.org",
                "query_string": "planted",
                "data": {"x": "planted"},
                "cookies": {"x": "planted"},
                "env": {"REMOTE_ADDR": "planted"},
                "headers": {"X-Wanted": "seen", "Cookie": "planted"},
            },
            "user": {"id": "7", "ip_address": "planted"},
        }
    )
    assert event == {
        "request": {"method": "POST", "url": "http://x.example/a/[REDACTED]"},
        "user": {"id": "7"},
    }


def test_headers_are_those_that_were_asked_for() -> None:
    """By the variable that captures them on spans, sanitised as there."""
    headers = {"X-Wanted": "seen", "x-other": "planted", "X-Wanted-Token": "planted"}
    capture = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS"
    event = {"request": {"headers": {**headers, "X-Wanted-Hidden": "planted"}}}
    wanted = {
        f"{capture}_SERVER_REQUEST": "x-wanted.*",
        f"{capture}_SANITIZE_FIELDS": "hidden",
    }
    assert sent(event, **wanted)["request"] == {
        "headers": {
            "x-wanted": "seen",
            "x-wanted-token": "[REDACTED]",
            "x-wanted-hidden": "[REDACTED]",
        }
    }


def test_the_client_is_named_where_it_is_asked_for() -> None:
    """Address and user agent, each by its variable."""
    event = {
        "request": {"headers": {"User-Agent": "Browser", "Cookie": "planted"}},
        "user": {"ip_address": "127.0.0.1"},
    }
    found = sent(event, TELEMETRY_CLIENT_ADDRESS="1", TELEMETRY_USER_AGENT="1")
    assert found["request"] == {"headers": {"user-agent": "Browser"}}
    assert found["user"] == {"ip_address": "127.0.0.1"}


def test_everything_else_is_redacted_wherever_it_is() -> None:
    """But the links, which the operator's own addresses lead to."""
    link = "https://traces.example/?q=4bf92f3577b34da6a3ce929d0e0e4736"
    event = sent(
        {
            "contexts": {"links": {"trace": link}, "own": {"token": "planted"}},
            "exception": {
                "values": [
                    {
                        "type": "ValueError",
                        "value": "not planted@example.org",
                        "stacktrace": {
                            "frames": [
                                {
                                    "function": "view",
                                    "context_line": "raise ValueError(address)",
                                    "vars": {
                                        "address": "'planted@example.org'",
                                        "password": "'planted'",
                                        "deep": {"er": [{"secret": "planted", "n": "1"}]},
                                    },
                                }
                            ]
                        },
                    }
                ]
            },
            "fingerprint": ["ValueError", "planted@example.org"],
            "extra": {"sql": "select 'planted'"},
        }
    )
    assert "planted" not in repr(event)
    assert event["contexts"] == {"links": {"trace": link}, "own": {"token": "[REDACTED]"}}
    [value] = event["exception"]["values"]
    assert value["value"] == "not [REDACTED]"
    assert value["stacktrace"]["frames"][0]["context_line"] == "raise ValueError(address)"
    assert value["stacktrace"]["frames"][0]["vars"]["deep"]["er"][0]["n"] == "1"


def test_what_cannot_be_redacted_is_not_sent() -> None:
    """And counted."""
    raise_failures(False)
    state.failures.clear()
    assert sent({"request": "planted", "x": "planted"}) is None
    assert dict(state.failures) == {"errors.event_redaction": 1}
