"""Storage and responses of an `EventReceiver`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telemetry.testing._arrivals import Arrivals
from telemetry.testing._events import error_event
from telemetry.testing.received import ReceivedRequest
from telemetry.testing.received_events import ReceivedEnvelope, ReceivedErrorEvent

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class EventAnswer:
    """Response to an envelope: HTTP status, delay in seconds, headers and message."""

    status: int = 200
    delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = ""

    def body(self, event_id: object) -> bytes:
        """Encode as Sentry does: the event's id, or the problem."""
        if self.status >= 300:
            return json.dumps({"detail": self.message}).encode()
        return json.dumps({"id": event_id} if event_id else {}).encode()


@dataclass
class EventInbox(Arrivals):
    """Thread-safe store of requests and accepted envelopes."""

    answer: EventAnswer = field(default_factory=EventAnswer)
    _envelopes: list[ReceivedEnvelope] = field(default_factory=list)
    _events: list[ReceivedErrorEvent] = field(default_factory=list)
    _item_types: Counter[str] = field(default_factory=Counter)

    def take(
        self,
        path: str,
        headers: Mapping[str, str],
        size: int,
        decoded_size: int,
        found: ReceivedEnvelope | EventAnswer,
    ) -> EventAnswer:
        """Record one request and return the response. Unreadable content has its own response."""
        answer = found if isinstance(found, EventAnswer) else self.answer
        with self._changed:
            self._requests.append(
                ReceivedRequest(path, dict(headers), size, decoded_size, answer.status)
            )
            if isinstance(found, ReceivedEnvelope):
                self._item_types.update(item.type for item in found.items)
                if answer.status < 300:
                    self._envelopes.append(found)
                    self._events.extend(
                        error_event(item.payload) for item in found.items if item.type == "event"
                    )
            self._changed.notify_all()
        self.dawdle(answer.delay)
        return answer

    def envelopes(self) -> list[ReceivedEnvelope]:
        with self._changed:
            return list(self._envelopes)

    def events(self) -> list[ReceivedErrorEvent]:
        with self._changed:
            return list(self._events)

    def item_types(self) -> Counter[str]:
        with self._changed:
            return Counter(self._item_types)

    def clear(self) -> None:
        with self._changed:
            for kept in (self._requests, self._envelopes, self._events, self._item_types):
                kept.clear()
