"""Receiver of Sentry's envelopes on loopback."""

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

# Keys of Sentry and Bugsink have 32 hexadecimal digits.
PUBLIC_KEY = "c0" * 16
PROJECT = 1


class EventReceiver(LoopbackReceiver[EventInbox]):
    """Receives what Sentry's SDKs send, as Sentry and Bugsink do.

    Listens on 127.0.0.1 while used as a context manager. Port 0 lets the
    system choose. Envelopes for any project and with any key are accepted, plain
    or gzipped, up to 20 MiB. Other encodings are answered with 415.
    What arrived can still be read after it is closed, and it can be started
    again: on a fixed port, that simulates a backend outage.

    Example:
        >>> import sentry_sdk
        >>> from telemetry.testing import EventReceiver
        >>> with EventReceiver() as errors:
        ...     client = sentry_sdk.init(errors.dsn)
        ...     event_id = sentry_sdk.capture_exception(ValueError("boom"))
        ...     [event] = errors.wait_for(lambda r: r.events)
        >>> event.exceptions
        (('ValueError', 'boom'),)
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

        Includes those to other paths, which are answered with 404: a test should show
        that an SDK sends more than envelopes.
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
        """Number of items of each type, accepted or not.

        Refused items are included, so that a test can assert that no transaction was
        sent while the backend was failing.
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
        """Answer later envelopes with `status` after `delay` seconds.

        A status of 300 and over refuses the envelope: only `requests` and
        `item_types` include it. `headers` are added to the response:
        `answer(429, headers={"Retry-After": "60"})`. `message` is the reason of a
        refusal, which SDKs log. A body that is not an envelope is always refused
        with its own response. `answer(200)` restores the default.
        """
        self._inbox.answer = EventAnswer(status, delay, dict(headers or {}), message)

    def summary(self) -> str:
        """Return a summary of what arrived: a line for each kind of item, with its number."""
        lines: Counter[str] = Counter()
        lines.update(f"request {r.path} answered {r.status}" for r in self.requests)
        lines.update({f"item {kind}": count for kind, count in self.item_types.items()})
        lines.update(f"event {e.level} {e.exceptions or e.message}" for e in self.events)
        return summarise(lines)
