"""What an `EventReceiver` received, as frozen dataclasses of plain Python values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

# Any, not object: events are deeply nested, and a test that reads
# `event.request["headers"]["Host"]` should not have to narrow at each step.
JSONObject: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReceivedItem:
    """One item of an envelope.

    `payload` is decoded if it is JSON, and otherwise the bytes as sent.

    Example:
        >>> import sentry_sdk
        >>> from telemetry.testing import EventReceiver
        >>> with EventReceiver() as errors:
        ...     client = sentry_sdk.init(errors.dsn)
        ...     event_id = sentry_sdk.capture_message("started", level="error")
        ...     [envelope] = errors.wait_for(lambda r: r.envelopes)
        >>> [item] = envelope.items
        >>> item.type, item.payload["level"]
        ('event', 'error')
    """

    type: str
    headers: JSONObject
    payload: Any


@dataclass(frozen=True, slots=True)
class ReceivedEnvelope:
    """One accepted envelope, its items in the order that they were sent.

    Example:
        >>> import sentry_sdk
        >>> from telemetry.testing import EventReceiver
        >>> with EventReceiver() as errors:
        ...     client = sentry_sdk.init(errors.dsn)
        ...     event_id = sentry_sdk.capture_message("started")
        ...     [envelope] = errors.wait_for(lambda r: r.envelopes)
        >>> [item.type for item in envelope.items]
        ['event']
    """

    headers: JSONObject
    items: tuple[ReceivedItem, ...]


@dataclass(frozen=True, slots=True)
class ReceivedErrorEvent:
    """An event: an error, a log record or a message.

    A part that the sender left out, or sent in another form than an event's, is
    empty here. `raw` is the event as received. `message` is the formatted one,
    the template where only that was sent, and None for an event without.
    `exceptions` pairs each type with its value in the order of the event: the
    cause first, and the exception raised last at the end. `trace_id` and
    `span_id` are those of `contexts["trace"]`.

    https://develop.sentry.dev/sdk/data-model/event-payloads/

    Example:
        >>> import logging
        >>> from telemetry.testing import EventReceiver
        >>> with EventReceiver() as errors:
        ...     settings = telemetry.configure({"SENTRY_DSN": errors.dsn})
        ...     telemetry.report_errors()
        ...     logging.getLogger("my-host").error("import failed")
        ...     [event] = errors.wait_for(lambda r: r.events)
        >>> event.message, event.level, event.logger
        ('import failed', 'error', 'my-host')
    """

    event_id: str
    level: str
    logger: str
    message: str | None
    exceptions: tuple[tuple[str, str], ...]
    transaction: str
    release: str
    environment: str
    tags: Mapping[str, str]
    trace_id: str
    span_id: str
    contexts: JSONObject
    request: JSONObject
    extra: JSONObject
    fingerprint: tuple[str, ...]
    breadcrumbs: tuple[JSONObject, ...]
    raw: JSONObject
