"""Sends what waits in outboxes: one thread for each destination.

A batch stays with the sender until the destination has accepted or refused it. What the
destination can't take now is tried again, later and later, while newer items wait in the outbox,
which is bounded. So an outage costs what doesn't fit, and not what was queued when it began.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from contextlib import suppress
from random import SystemRandom
from threading import Condition, Thread
from typing import TYPE_CHECKING

from opentelemetry.instrumentation.utils import suppress_instrumentation

from telemetry.export.answers import Answer, Result
from telemetry.export.outbox import Batch
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.export.answers import Verdict
    from telemetry.export.endpoint import Client, Endpoint
    from telemetry.export.outbox import Outbox
    from telemetry.export.sdk_metrics import ExportMetrics

logger = logging.getLogger("telemetry")
_random = SystemRandom()

FIRST_BACKOFF = 1.0
"""Seconds until the first retry; each further one takes twice the time, up to `LAST_BACKOFF`."""
LAST_BACKOFF = 30.0
LONGEST_RETRY_AFTER = 300.0
"""Seconds. A backend that wants a longer pause is asked again after this one."""
SERVER_ERRORS = 5
"""Number of answers with the status 500 to one batch, until one of its items is suspected."""


SUSPECTED_ERRORS = 2
"""The same for the parts of such a batch."""


class Episode:
    """A time during which a destination takes nothing. One log line at its begin, one at its end.

    Args:
        what: the signal and the destination, for people.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._began: float | None = None
        self._lost = 0

    def problem(self, reason: str, lost: int) -> None:
        """An attempt has failed; ``lost`` items were given up."""
        self._lost += lost
        if self._began is None:
            self._began = time.monotonic()
            # What was dropped before is said by another message.
            self._lost = lost
            logger.warning(
                "%s can't be delivered: %s. %s; further failures are only counted",
                self._what,
                reason,
                f"{lost} were dropped" if lost else "They are kept and sent again",
            )

    def lost(self, count: int) -> None:
        """Items were dropped from the full queue."""
        self._lost += count

    def success(self, delivered: int) -> None:
        """An attempt has succeeded."""
        if self._began is not None:
            seconds = time.monotonic() - self._began
            logger.warning(
                "%s are delivered again after %s: %d were sent now, %d were dropped meanwhile",
                self._what,
                _duration(seconds),
                delivered,
                self._lost,
            )
            self._began, self._lost = None, 0


def with_jitter(seconds: float) -> float:
    """Return a time that is up to a fifth longer or shorter.

    Many processes that lost one backend must not all come back at once.
    """
    # Without a state, which forked processes would have in common.
    return seconds * _random.uniform(0.8, 1.2)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class Delivery:
    """Delivers the batches of one outbox, one after the other.

    Args:
        outbox: where the items wait. It names them in messages, and has their statistics.
        endpoint: how they are sent.
        make_metrics: makes the instruments, on the thread that sends.
    """

    def __init__(
        self,
        outbox: Outbox,
        endpoint: Endpoint,
        *,
        make_metrics: Callable[[Outbox], ExportMetrics] | None = None,
    ) -> None:
        self.outbox = outbox
        self.endpoint = endpoint
        self._statistics = outbox.statistics
        self._make_metrics = make_metrics
        outbox.on_drop = self._dropped
        self._client: Client | None = None
        self._parents: list[Client | None] = []
        self.clear()

    def clear(self) -> None:
        """Start anew in a forked child, without the parent's connection and batches."""
        self.outbox.clear()
        # Not closed, and not forgotten, which could close it: it is the parent's, and closing a
        # channel of gRPC in a fork may never end.
        self._parents.append(self._client)
        self._client = None
        self._metrics: ExportMetrics | None = None
        self._current: Batch | None = None
        self._parts: deque[Batch] = deque()
        self._suspects: deque[Batch] = deque()
        self._suspects_next = False
        self._failures = 0
        self._not_before = 0.0
        self._pause_is_ordered = False
        self._episode = Episode(self.outbox.what)

    def prepare(self) -> None:
        """Make the client and the instruments, once.

        Raises:
            Exception: whatever a credential provider raises, OSError for a certificate's file.
        """
        if self._client is None:
            self._client = self.endpoint.make_client()
        if self._metrics is None and self._make_metrics is not None:
            self._metrics = self._make_metrics(self.outbox)

    def due(self, *, flushing: bool) -> float | None:
        """When to attempt next, by the monotonic clock; None if nothing waits.

        Args:
            flushing: whether what waits is sent without regard to the schedule.
        """
        if self._current or self._parts or self._suspects:
            return self._not_before
        due = self.outbox.due()
        if due is None:
            return None
        return self._not_before if flushing else max(due, self._not_before)

    def hurry(self) -> None:
        """Try at once, unless the backend has ordered a pause."""
        if not self._pause_is_ordered:
            self._not_before = 0.0
            self._failures = 0

    def pauses_until(self, deadline: float) -> bool:
        """Whether nothing can be sent before ``deadline``, by order of the backend."""
        return self._pause_is_ordered and self._not_before > deadline

    def _dropped(self, count: int, reason: str) -> None:
        """The outbox dropped items, on any thread."""
        self._episode.lost(count)
        if self._metrics is not None:
            self._metrics.dropped(count, reason)

    def attempt(self) -> None:
        """Send one batch, if there is one."""
        batch = self._next()
        if batch is None:
            return
        try:
            self.prepare()
        except Exception as error:  # noqa: BLE001 # a credential provider's, or of a file
            self._later(f"{type(error).__name__}: {error}", None)
            return
        if batch.attempts:
            self._statistics.retry()
        else:
            batch.began = time.monotonic()
            if self._metrics is not None:
                self._metrics.taken(batch.count)
        batch.attempts += 1
        answer = self._send(batch)
        self._conclude(batch, answer, self.endpoint.judge(answer))

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()

    def _send(self, batch: Batch) -> Answer:
        client, metrics = self._client, self._metrics
        if client is None:
            return Answer(error=ConnectionError("the client is closed"))
        if metrics is None:
            return client.send(batch.request(), self.endpoint.timeout)
        metrics.begin(batch.count)
        try:
            return client.send(batch.request(), self.endpoint.timeout)
        finally:
            metrics.end(batch.count)

    def _next(self) -> Batch | None:
        if self._current is None:
            if self._parts:
                self._current = self._parts.popleft()
            elif self._suspects and (self._suspects_next or not self.outbox.waiting):
                self._suspects_next = False
                self._current = self._suspects.popleft()
            else:
                self._current = self.outbox.take()
        return self._current

    def _conclude(self, batch: Batch, answer: Answer, verdict: Verdict) -> None:
        if verdict.result is Result.DELIVERED:
            rejected = min(verdict.rejected, batch.count)
            accepted = batch.count - rejected
            if accepted:
                self._statistics.count(accepted, delivered=True)
                self._settled(batch, accepted)
                self._suspects_next = True
            self._finish(batch)
            if rejected:
                self._lose(batch, rejected, verdict, answer)
            else:
                self._episode.success(accepted)
        elif verdict.result is Result.TOO_LARGE and (parts := self._smaller(batch)):
            self._current = None
            self._parts.extendleft(reversed(parts))
        elif verdict.result is Result.RETRY:
            self._later(verdict.reason, answer.retry_after)
            if verdict.is_server_error:
                self._suspect(batch, verdict, answer)
        else:
            self._finish(batch)
            self._lose(batch, batch.count, verdict, answer)

    def _smaller(self, batch: Batch) -> list[Batch]:
        """Return what to send instead of a batch that is too large; empty if there is nothing."""
        if len(batch.items) > 1:
            return batch.halves()
        shorten = self.endpoint.shorten
        item = None if shorten is None else shorten(batch.items[0])
        if item is None:
            return []
        shortened = Batch([item], self.outbox.encode)
        # What the outbox has counted.
        shortened.size = batch.size
        return [shortened]

    def _finish(self, batch: Batch) -> None:
        self._current = None
        self._failures = 0
        self._not_before = 0.0
        self._pause_is_ordered = False
        self.outbox.settle(batch)

    def _lose(self, batch: Batch, count: int, verdict: Verdict, answer: Answer) -> None:
        self._statistics.fail(count, verdict.error_type)
        if self._metrics is not None:
            status = answer.grpc_code or answer.status
            seconds = time.monotonic() - batch.began
            self._metrics.settled(count, seconds, verdict.error_type, status)
        self._episode.problem(verdict.reason, count)

    def _settled(self, batch: Batch, count: int) -> None:
        if self._metrics is not None:
            self._metrics.settled(count, time.monotonic() - batch.began)

    def _later(self, reason: str, after: float | None) -> None:
        self._statistics.attempt_failed()
        self._episode.problem(reason, 0)
        backoff = min(FIRST_BACKOFF * 2**self._failures, LAST_BACKOFF)
        self._failures = min(self._failures + 1, 10)
        self._pause_is_ordered = after is not None
        if after is None:
            after = with_jitter(backoff)
        self._not_before = time.monotonic() + min(after, LONGEST_RETRY_AFTER)

    def _suspect(self, batch: Batch, verdict: Verdict, answer: Answer) -> None:
        """Find out which item a backend fails at each time, by sending the others without it.

        During an outage nothing is delivered, and nothing is given up for it.
        """
        if batch.delivered_before is None:
            batch.delivered_before = self._statistics.delivered
        batch.server_errors += 1
        if batch.server_errors < SERVER_ERRORS:
            return
        if len(batch.items) == 1 and self._statistics.delivered > batch.delivered_before:
            self._finish(batch)
            self._lose(batch, batch.count, verdict, answer)
            return
        self._current = None
        # Others first: only if they are delivered is it the batch that fails.
        self._suspects_next = bool(self._suspects)
        if self._suspects:
            self._suspects.append(batch)
            return
        for part in batch.halves():
            if part is not batch:
                part.server_errors = SERVER_ERRORS - SUSPECTED_ERRORS
            self._suspects.append(part)


class Sender:
    """The thread of one destination. It is started with the first item, in any process.

    Args:
        deliveries: those of the signals that go to the destination.
    """

    def __init__(self, deliveries: list[Delivery]) -> None:
        self.deliveries = deliveries
        for delivery in deliveries:
            delivery.outbox.wake = self.wake
        self._reset()

    def _reset(self) -> None:
        self._changed = Condition()
        self._thread: Thread | None = None
        self._flush_until = 0.0
        self._rests_until = 0.0
        self._closed = False

    def forked(self) -> None:
        """Start anew in a forked child: the parent sends what was queued."""
        for delivery in self.deliveries:
            delivery.clear()
        self._reset()

    def rest(self, seconds: float) -> None:
        """Send nothing for a while, unless a flush asks for it."""
        with self._changed:
            self._flush_until = 0.0
            self._rests_until = time.monotonic() + seconds

    def close(self) -> None:
        """End the thread and close the connections, when the current attempt has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wake(self) -> None:
        """Look at the outboxes now; starts the thread if there is none."""
        with self._changed:
            if self._thread is None and not self._closed:
                thread = Thread(target=self._run, name="telemetry-sender", daemon=True)
                thread.start()
                self._thread = thread
            self._changed.notify_all()

    def hurry(self, deadline: float) -> None:
        """Begin to send what is queued, without waiting for the schedule until ``deadline``."""
        if all(delivery.outbox.settled >= delivery.outbox.accepted for delivery in self.deliveries):
            return
        with self._changed:
            self._flush_until = max(self._flush_until, deadline)
            for delivery in self.deliveries:
                delivery.hurry()
        self.wake()

    def flush(self, deadline: float) -> bool:
        """Send what is queued now, without waiting for the schedule.

        Args:
            deadline: monotonic time at which to give up waiting. What is being sent then stays
                with the thread: given up, it could arrive twice.

        Returns:
            Whether all items that were queued have been delivered or dropped.
        """
        wanted = [(each, each.outbox.accepted) for each in self.deliveries]

        def left() -> list[Delivery]:
            return [each for each, accepted in wanted if each.outbox.settled < accepted]

        if not left():
            return True
        self.hurry(deadline)
        with self._changed:
            while waiting := left():
                seconds = deadline - time.monotonic()
                if seconds <= 0 or all(each.pauses_until(deadline) for each in waiting):
                    return False
                self._changed.wait(seconds)
            if self._flush_until <= deadline:
                # What is queued from now on keeps to the schedule again.
                self._flush_until = 0.0
        return True

    def _run(self) -> None:
        # For the thread's life: what sends must not be traced and logged as the host's.
        with suppress_instrumentation():
            for delivery in self.deliveries:
                # What fails now is said by the first attempt.
                with suppress(Exception):
                    delivery.prepare()
            while not self._closed:
                self._step()
        for delivery in self.deliveries:
            delivery.close()

    def _step(self) -> None:
        with self._changed:
            delivery, due = self._most_urgent()
            now = time.monotonic()
            if self._closed:
                return
            if delivery is None or due > now:
                self._changed.wait(None if delivery is None else due - now)
                return
        try:
            delivery.attempt()
        except Exception as error:  # noqa: BLE001 # the thread must go on
            failed("export.sender", error)
            time.sleep(FIRST_BACKOFF)
        finally:
            with self._changed:
                self._changed.notify_all()

    def _most_urgent(self) -> tuple[Delivery | None, float]:
        flushing = self._flush_until > time.monotonic()
        found: Delivery | None = None
        first = 0.0
        for delivery in self.deliveries:
            due = delivery.due(flushing=flushing)
            if due is not None and not flushing:
                due = max(due, self._rests_until)
            if due is not None and (found is None or due < first):
                found, first = delivery, due
        return found, first
