"""Redacts error events before they are sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from telemetry.failsafe import failed
from telemetry.registry import events as e
from telemetry.registry.contents import MAX_HEADER
from telemetry.registry.redaction import MARGIN, REDACTED
from telemetry.scope import MAX_HOST, MAX_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sentry_sdk.types import Event, Hint

    from telemetry.redaction.redactor import Redactor
    from telemetry.settings import Settings

# Sentry's serialisation does not nest deeper.
MAX_DEPTH = 64
MAX_URL = len("https://") + MAX_HOST + MAX_PATH
"""Characters, after redaction."""
USER_AGENT = "user-agent"


class BeforeSend:
    """The ``before_send`` hook of Sentry's SDK, which redacts the event.

    Runs after every event processor, those of the host included, when the event
    consists of strings, numbers, lists and dicts.

    Args:
        settings: which headers and whether client addresses are sent.
        redactor: redacts all values.
    """

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        self._headers = AllowedHeaders(settings)
        self._addresses = settings.client_address
        self._redactor = redactor

    def __call__(self, event: Event, hint: Hint) -> Event | None:
        """Return the redacted event, or None to drop it if redaction fails."""
        try:
            redacted: Event = self._redacted(event)
            return redacted
        except Exception as problem:  # noqa: BLE001 # dropped rather than sent unredacted
            failed("errors.event_redaction", problem)
            return None

    def _redacted(self, event: Any) -> Any:
        request = event.get("request")
        if request:
            # Bodies, cookies, the query string and the server's environment are not sent.
            kept = {key: request[key] for key in ("method", "url") if key in request}
            if isinstance(kept.get("url"), str):
                kept["url"] = self._redactor.cut(kept["url"], MAX_URL)
            headers = {
                name: self._redactor.cut(value, MAX_HEADER)
                for name, value in self._headers.of((request.get("headers") or {}).items()).items()
            }
            event["request"] = {**kept, "headers": headers} if headers else kept
        if not self._addresses:
            (event.get("user") or {}).pop("ip_address", None)
        # A URL that the operator configured. The trace id may be in its query string.
        links = (event.get("contexts") or {}).pop(str(e.LINKS_CONTEXT), None)
        entry = event.get("logentry")
        arguments = None
        if isinstance(entry, dict) and not _logs_statements(event):
            # Of the message; those of a statement's record are values of SQL.
            arguments = entry.pop("params", None)
        event = self._redactor.anything(event, MAX_DEPTH)
        if arguments is not None:
            event["logentry"]["params"] = self._redactor.anything(arguments, MAX_DEPTH)
        if links is not None:
            event["contexts"][str(e.LINKS_CONTEXT)] = links
        return event


def _logs_statements(event: Any) -> bool:
    return str(event.get("logger") or "").startswith(("django.db", "sqlalchemy"))


class AllowedHeaders:
    """The request headers that are configured to be captured, on spans and on error events."""

    def __init__(self, settings: Settings) -> None:
        wanted = [*settings.capture_request_headers]
        if settings.user_agent:
            wanted.append(USER_AGENT)
        self._wanted = _any_of(wanted)
        self._sanitized = _any_of(settings.sanitize_headers)

    def of(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The values of allowed headers by lower-case name. Truncated when they are redacted."""
        if self._wanted is None:
            return {}
        return {
            name.lower(): self._value(name, value)
            for name, value in headers
            if self._wanted.fullmatch(name)
        }

    def _value(self, name: str, value: str) -> str:
        if self._sanitized is not None and self._sanitized.search(name):
            return REDACTED
        return str(value)[: MAX_HEADER + MARGIN]


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    # Like contrib's patterns for captured headers: case-insensitive.
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(joined, re.IGNORECASE) if joined else None
