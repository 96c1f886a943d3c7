"""The transport of Sentry's SDK for telemetry's own client: envelopes go into an outbox."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sentry_sdk.transport import Transport

from telemetry.errors.failures import BY_REQUEST
from telemetry.errors.sentry.envelopes import Part, envelope_item
from telemetry.errors.sentry.redaction import MAX_DEPTH
from telemetry.failsafe import failed
from telemetry.registry.events import CAUSE
from telemetry.registry.redaction import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sentry_sdk.envelope import Envelope
    from sentry_sdk.envelope import Item as SentryItem

    from telemetry.export.encoding.requests import Item
    from telemetry.export.sender import Sender
    from telemetry.redaction.redactor import Redactor

# Keys of an envelope's header that identify it, and its trace.
_IDS: Final = frozenset({"event_id", "sent_at", "dsn"})


class OutboxTransport(Transport):
    """Puts envelopes into an outbox, from which a sender sends them.

    The SDK's transport drops an event at the first failed attempt, counts none of them, and forgets
    its queue when the process ends.

    Args:
        dsn: where the envelopes are sent. The SDK asks the transport for it.
        sender: sends the envelopes of its one outbox.
        redactor: redacts what is no event: events are redacted by `BeforeSend`.
    """

    def __init__(self, dsn: str, sender: Sender, redactor: Redactor) -> None:
        super().__init__({"dsn": dsn})
        [delivery] = sender.deliveries
        # What the client imports is imported here, and not by the thread that sends: a process that
        # is forked during an import of another thread can never import the module. What fails now
        # is logged by the first attempt.
        with suppress(Exception):
            delivery.prepare()
        self._outbox = delivery.outbox
        self._sender = sender
        self._redactor = redactor

    def capture_envelope(self, envelope: Envelope) -> None:
        """Queue an envelope. Does not raise: it would reach the host's code."""
        try:
            item = item_of(envelope, self._redactor)
        except Exception as error:  # noqa: BLE001 # an attachment's file, or what a host has made
            self._outbox.reject(1, type(error).__name__)
            failed("errors.transport", error)
            return
        self._outbox.put(item)

    def flush(self, timeout: float, callback: Callable[[int, float], Any] | None = None) -> None:
        """Send what is queued, for at most ``timeout`` seconds.

        Args:
            timeout: seconds.
            callback: called with the number of envelopes that wait and the timeout, if there are
                any.
        """
        waiting = self._outbox.accepted - self._outbox.settled
        if timeout <= 0 or not waiting:
            return
        if callback is not None:
            callback(waiting, timeout)
        self._sender.flush(time.monotonic() + timeout)


def item_of(envelope: Envelope, redactor: Redactor) -> Item:
    """Return an envelope as an item of an outbox, redacted.

    Raises:
        Exception: what an attachment's file raises, or a payload that is not JSON.
    """
    header = {**envelope.headers, **redactor.anything(_without_ids(envelope.headers))}
    parts = [_part(item, redactor) for item in envelope.items]
    tags = (envelope.get_event() or {}).get("tags")
    by_request = isinstance(tags, dict) and tags.get(str(CAUSE)) == BY_REQUEST
    # A full queue drops what requests have caused before failures of the host.
    return envelope_item(header, parts, is_failure=not by_request)


def _part(item: SentryItem, redactor: Redactor) -> Part:
    header, payload = redactor.anything(dict(item.headers)), item.get_bytes()
    kind = header.get("type")
    if kind == "event":
        # `BeforeSend` has seen it.
        return Part(header, payload)
    if kind != "attachment":
        # A check-in, a log record or a session that the host sends, with JSON in one line or more.
        with suppress(ValueError):
            lines = [json.loads(line) for line in payload.splitlines() if line.strip()]
            shown = [json.dumps(redactor.anything(line, MAX_DEPTH)) for line in lines]
            return Part(header, "\n".join(shown).encode())
    return Part(header, _attachment(payload, redactor))


def _attachment(payload: bytes, redactor: Redactor) -> bytes:
    try:
        return redactor.whole(payload.decode()).encode()
    except UnicodeError:
        # An image or an archive: nothing can be found in it, and anything may be.
        return REDACTED.encode()


def _without_ids(header: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in header.items() if key not in _IDS}
