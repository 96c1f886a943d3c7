"""A real receiver of Sentry's envelopes on this machine's loopback."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from telemetry.testing._event_inbox import EventAnswer, EventInbox
from telemetry.testing._ingest import IngestHandler
from telemetry.testing._loopback import HOST, LoopbackReceiver, summarise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.testing.received import ReceivedRequest
    from telemetry.testing.received_events import ReceivedEnvelope, ReceivedErrorEvent

# Sentry's and Bugsink's keys are 32 hexadecimal digits.
PUBLIC_KEY = "c0" * 16
PROJECT = 1


class EventReceiver(LoopbackReceiver[EventInbox]):
    """Receives what Sentry's SDKs send, as Sentry and Bugsink do.

    Listens on 127.0.0.1 while used as a context manager; port 0 lets the
    system choose. Envelopes for any project and with any key are taken, plain
    or gzipped, up to 20 MiB; in any other encoding they are answered with 415.
    What arrived stays readable after it is closed, and it can be started
    again: on a fixed port that is a backend that went away and came back.

        with EventReceiver() as errors:
            sentry_sdk.init(errors.dsn)
            ...
            [event] = errors.wait_for(lambda r: r.events)
            assert event.exceptions == (("ValueError", "boom"),)
            assert set(errors.item_types) == {"event"}
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port, IngestHandler, EventInbox())

    @property
    def url(self) -> str:
        """The server's address, without the DSN's key and project."""
        return f"http://{HOST}:{self.port}"

    @property
    def dsn(self) -> str:
        """Value for `SENTRY_DSN`."""
        return f"http://{PUBLIC_KEY}@{HOST}:{self.port}/{PROJECT}"

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Every POST, refused ones too, oldest first.

        Those to other paths, which get a 404, are here as well: an SDK that
        sends more than envelopes should be noticed.
        """
        return self._inbox.requests()

    @property
    def envelopes(self) -> list[ReceivedEnvelope]:
        """Accepted envelopes in the order of arrival."""
        return self._inbox.envelopes()

    @property
    def events(self) -> list[ReceivedErrorEvent]:
        """Accepted items of type `event` in the order of arrival."""
        return self._inbox.events()

    @property
    def item_types(self) -> Counter[str]:
        """How many items of each type were sent, accepted or not.

        Refused ones are counted so that "no transaction was ever sent" can be
        said of a time when the backend was in trouble, too.
        """
        return self._inbox.item_types()

    def answer(
        self,
        status: int,
        delay: float = 0.0,
        *,
        headers: Mapping[str, str] | None = None,
        message: str = "",
    ) -> None:
        """Answer envelopes from now on with `status` after `delay` seconds.

        A status of 300 and over refuses the envelope: `requests` and
        `item_types` show it and nothing else does. `headers` are added to the
        answer: `answer(429, headers={"Retry-After": "60"})`. `message` is the
        reason that a refusal gives, which SDKs log. What is not an envelope
        is refused at once, whatever the answer. `answer(200)` is the ordinary
        behaviour.
        """
        self._inbox.answer = EventAnswer(status, delay, dict(headers or {}), message)

    def summary(self) -> str:
        """Say what arrived, a line for each thing, equal ones counted."""
        lines: Counter[str] = Counter()
        lines.update(f"request {r.path} answered {r.status}" for r in self.requests)
        lines.update({f"item {kind}": count for kind, count in self.item_types.items()})
        lines.update(f"event {e.level} {e.exceptions or e.message}" for e in self.events)
        return summarise(lines)
