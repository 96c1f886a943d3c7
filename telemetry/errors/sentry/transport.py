"""The transport of Sentry's SDK for telemetry's own client: envelopes go into an outbox."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sentry_sdk.transport import Transport

from telemetry.errors.sentry.envelopes import Part, envelope_item
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry_sdk.envelope import Envelope

    from telemetry.export.encoding.requests import Item
    from telemetry.export.sender import Sender


class OutboxTransport(Transport):
    """Puts envelopes into an outbox, from which a sender sends them.

    The SDK's transport drops an event at the first failed attempt, counts none of them, and forgets
    its queue when the process ends.

    Args:
        dsn: where the envelopes are sent. The SDK asks the transport for it.
        sender: sends the envelopes of its one outbox.
    """

    def __init__(self, dsn: str, sender: Sender) -> None:
        super().__init__({"dsn": dsn})
        [delivery] = sender.deliveries
        # What the client imports is imported here, and not by the thread that sends: a process that
        # is forked during an import of another thread can never import the module. What fails now
        # is logged by the first attempt.
        with suppress(Exception):
            delivery.prepare()
        self._outbox = delivery.outbox
        self._sender = sender

    def capture_envelope(self, envelope: Envelope) -> None:
        """Queue an envelope. Does not raise: it would reach the host's code."""
        try:
            item = item_of(envelope)
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


def item_of(envelope: Envelope) -> Item:
    """Return an envelope as an item of an outbox.

    Raises:
        Exception: what an attachment's file raises, or a payload that is not JSON.
    """
    parts = [Part(dict(item.headers), item.get_bytes()) for item in envelope.items]
    return envelope_item(envelope.headers, parts)
