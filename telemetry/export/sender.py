"""Sends what waits in outboxes: one thread for each destination.

A batch stays with the sender until the destination has accepted or refused it. What the
destination can't take now is tried again, later and later, while newer items wait in the outbox,
which is bounded. So an outage costs what doesn't fit, and not what was queued when it began.

With a spool, what can't be sent now is written to disk, by a thread of its own: the one that sends
may have to wait for the destination. While there are files, newer items are written, too, so that
all are sent in the order of their age.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from contextlib import suppress
from random import SystemRandom
from threading import Condition, RLock, Thread
from typing import TYPE_CHECKING

from opentelemetry.instrumentation.utils import suppress_instrumentation

from telemetry.export.answers import Answer, Result, Verdict
from telemetry.export.outbox import LONGEST_FILL, Batch
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.export.endpoint import Client, Endpoint
    from telemetry.export.outbox import Outbox
    from telemetry.export.sdk_metrics import ExportMetrics
    from telemetry.export.spool import Segment, Spool

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
HELD_UP = 1.0
"""Seconds that a request takes until newer items are written to the spool meanwhile."""


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

    @property
    def is_open(self) -> bool:
        """Whether the last attempt has failed."""
        return self._began is not None

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
        spool: where items wait on disk that can't be sent now.
    """

    def __init__(
        self,
        outbox: Outbox,
        endpoint: Endpoint,
        *,
        make_metrics: Callable[[Outbox], ExportMetrics] | None = None,
        spool: Spool | None = None,
    ) -> None:
        self.outbox = outbox
        self.endpoint = endpoint
        self.spool = spool
        if spool is not None:
            spool.on_drop = self._dropped_from_spool
        self._statistics = outbox.statistics
        self._make_metrics = make_metrics
        outbox.on_drop = self._dropped
        self._client: Client | None = None
        self._parents: list[Client | None] = []
        self.clear()

    def clear(self) -> None:
        """Start anew in a forked child, without the parent's connection and batches."""
        self.outbox.clear()
        if self.spool is not None:
            self.spool.forked()
        # Of the batches below, which a stopping process writes to the spool from another thread.
        self._lock = RLock()
        self._is_sending = False
        self._next_write = 0.0
        # Not closed, and not forgotten, which could close it: it is the parent's, and closing a
        # channel of gRPC in a fork may never end.
        self._parents.append(self._client)
        self._client = None
        self._metrics: ExportMetrics | None = None
        self._current: Batch | None = None
        self._parts: deque[Batch] = deque()
        self._suspects: deque[Batch] = deque()
        # What the disk had no room for. One batch, unless two threads write: the others wait in the
        # outbox, whose limits hold for them.
        self._unwritten: deque[Batch] = deque()
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
        if self._current or self._parts or self._suspects or self._unwritten:
            return self._not_before
        spool = self.spool
        if spool is not None and spool.has_files:
            return self._not_before
        due = self.outbox.due()
        if due is not None:
            due = self._not_before if flushing else max(due, self._not_before)
        if spool is None:
            return due
        return spool.next_look if due is None else min(due, spool.next_look)

    def write_due(self, *, flushing: bool, busy_since: float | None) -> float | None:
        """When to write what waits to the spool, by the monotonic clock; None if it can be sent.

        Args:
            flushing: whether what waits is written without regard to the schedule.
            busy_since: when the request began that is under way, of any signal.
        """
        now = time.monotonic()
        spool, due = self.spool, now if self._unwritten else self.outbox.due()
        # Cumulative metrics that are not sent are replaced by the next ones.
        if spool is None or due is None or self.outbox.replaced:
            return None
        if self._not_before > now or spool.has_files:
            held_up = now
        elif busy_since is not None:
            held_up = busy_since + HELD_UP
        else:
            return None
        return max(held_up if flushing else max(due, held_up), self._next_write)

    def write(self) -> None:
        """Write one batch to the spool."""
        with self._lock:
            batch = self._unwritten.popleft() if self._unwritten else None
        if batch is None:
            batch = self.outbox.take()
            if batch is not None and self._metrics is not None:
                self._metrics.taken(batch.count)
        if batch is None or self.spool is None:
            return
        try:
            self.spool.put(batch.items)
        except OSError:
            # In memory, as without a spool, until there is room or the backend takes it.
            with self._lock:
                self._unwritten.append(batch)
            self._next_write = time.monotonic() + FIRST_BACKOFF
        else:
            self._statistics.spool(batch.count)
            self.outbox.settle(batch)

    def leave(self) -> bool:
        """Write all that waits to the spool, for any process to send.

        A batch that is being sent is written, too, and deleted if it is accepted after all.

        Returns:
            Whether nothing is left in memory alone.
        """
        spool = self.spool
        if spool is None:
            return False
        self.outbox.fill(LONGEST_FILL)
        with self._lock:
            in_flight = self._current if self._is_sending else None
            waiting = [*([self._current] if self._current else []), *self._parts, *self._suspects]
            waiting += self._unwritten
            remaining = [batch for batch in waiting if not self._left(spool, batch, in_flight)]
            self._current = in_flight
            self._parts = deque(batch for batch in remaining if batch is not in_flight)
            self._suspects = deque()
            self._unwritten = deque()
            while not remaining and self.outbox.waiting:
                self.write()
                remaining += self._unwritten
            return not remaining

    def _left(self, spool: Spool, batch: Batch, in_flight: Batch | None) -> bool:
        segment = self._keep(batch)
        if segment is None:
            return False
        self._statistics.spool(batch.count)
        if batch is in_flight:
            # Held, or another process would send it at the same time.
            batch.is_left = True
        else:
            batch.segment = None
            spool.give_back(segment)
        return True

    def _keep(self, batch: Batch) -> Segment | None:
        """Write a batch to the spool, and go on with it. None if it can't be written."""
        if batch.segment is not None and self.spool is not None and batch.segment.is_gone:
            self.spool.remove(batch.segment)
            batch.segment = None
        if batch.segment is None and self.spool is not None:
            # The spool has logged why not.
            with suppress(OSError):
                batch.segment = self.spool.put(batch.items, hold=True)
                self.outbox.settle(batch)
        return batch.segment

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt has failed."""
        return self._episode.is_open

    def hurry(self) -> None:
        """Try at once, unless the backend has ordered a pause."""
        if not self._pause_is_ordered:
            self._not_before = 0.0
            self._failures = 0

    def pauses_until(self, deadline: float) -> bool:
        """Whether nothing can be sent before ``deadline``, by order of the backend."""
        return self.spool is None and self._pause_is_ordered and self._not_before > deadline

    def _dropped(self, count: int, reason: str) -> None:
        """The outbox dropped items, on any thread."""
        self._episode.lost(count)
        if self._metrics is not None:
            self._metrics.dropped(count, reason)

    def _dropped_from_spool(self, count: int, reason: str) -> None:
        self._statistics.accept(count)
        self._statistics.drop(count, reason)
        self._dropped(count, reason)

    def attempt(self) -> None:
        """Send one batch, if there is one."""
        spool = self.spool
        if spool is not None and time.monotonic() >= spool.next_look:
            spool.look()
            return
        with self._lock:
            batch = self._next()
            if batch is None:
                return
            self._is_sending = True
        try:
            self._attempt(batch)
        finally:
            self._is_sending = False

    def _attempt(self, batch: Batch) -> None:
        try:
            self.prepare()
        except Exception as error:  # noqa: BLE001 # a credential provider's, or of a file
            with self._lock:
                self._is_sending = False
                self._later(batch, f"{type(error).__name__}: {error}", None)
            return
        if batch.attempts:
            self._statistics.retry()
        else:
            batch.began = time.monotonic()
            # What comes from the spool has left a queue before.
            if self._metrics is not None and batch.segment is None:
                self._metrics.taken(batch.count)
        batch.attempts += 1
        answer = self._send(batch)
        try:
            verdict = self.endpoint.judge(answer)
        except Exception as error:  # noqa: BLE001 # whatever a backend answers, the next batch is sent
            failed("export.answer", error)
            verdict = Verdict(Result.REFUSED, type(error).__name__, "the answer can't be read")
        with self._lock:
            self._is_sending = False
            self._conclude(batch, answer, verdict)

    def close(self) -> None:
        """Close the connection, and leave files of the spool to any process."""
        with self._lock:
            for batch in (self._current, *self._parts, *self._suspects):
                if batch is not None and batch.segment is not None and self.spool is not None:
                    self.spool.give_back(batch.segment)
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
            elif self._suspects and (self._suspects_next or not self._has_others()):
                self._suspects_next = False
                self._current = self._suspects.popleft()
            else:
                unwritten = self._unwritten
                self._current = self._from_spool() or (
                    unwritten.popleft() if unwritten else self.outbox.take()
                )
        return self._current

    def _has_others(self) -> bool:
        if self._unwritten:
            return True
        return bool(self.outbox.waiting or (self.spool is not None and self.spool.has_files))

    def _from_spool(self) -> Batch | None:
        taken = self.spool.take() if self.spool is not None else None
        if taken is None:
            return None
        segment, items = taken
        batch = Batch(items, self.outbox.encode)
        batch.segment, batch.is_settled = segment, True
        self._statistics.accept(batch.count)
        return batch

    def _conclude(self, batch: Batch, answer: Answer, verdict: Verdict) -> None:
        if batch.is_left and self.spool is not None and batch.segment is not None:
            if verdict.result is not Result.DELIVERED:
                # Any process concludes what becomes of it.
                self._current = None
                self.spool.give_back(batch.segment)
                return
            self._statistics.accept(batch.count)
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
            self._parts.extendleft(reversed(self._divide(batch, parts)))
        elif verdict.result is Result.RETRY:
            self._later(batch, verdict.reason, answer.retry_after)
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
        shortened.size, shortened.is_settled = batch.size, batch.is_settled
        return [shortened]

    def _divide(self, batch: Batch, parts: list[Batch]) -> list[Batch]:
        """Replace a batch by its parts on disk, too, if it is there."""
        spool, segment = self.spool, batch.segment
        if segment is None or spool is None or batch in parts:
            return parts
        if all(self._keep(part) is not None for part in parts):
            spool.remove(segment)
            return parts
        # The disk is full. The whole batch stays there until its last part is settled.
        for part in parts:
            if part.segment is not None:
                spool.remove(part.segment)
                part.segment = None
        parts[-1].segment = segment
        return parts

    def _finish(self, batch: Batch) -> None:
        self._current = None
        self._failures = 0
        self._not_before = 0.0
        self._pause_is_ordered = False
        if batch.segment is not None and self.spool is not None:
            self.spool.remove(batch.segment)
            batch.segment = None
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

    def _later(self, batch: Batch, reason: str, after: float | None) -> None:
        if not self.outbox.replaced:
            self._keep(batch)
        self._statistics.attempt_failed()
        self._episode.problem(reason, 0)
        backoff = min(FIRST_BACKOFF * 2**self._failures, LAST_BACKOFF)
        self._failures = min(self._failures + 1, 10)
        # A date in the past is that of a backend whose clock is slow.
        self._pause_is_ordered = bool(after)
        pause = max(after, FIRST_BACKOFF) if after else with_jitter(backoff)
        self._not_before = time.monotonic() + min(pause, LONGEST_RETRY_AFTER)

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
        for part in self._divide(batch, batch.halves()):
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
        self.has_spool = any(delivery.spool for delivery in deliveries)
        """Whether what can't be sent is written to disk."""
        self._reset()

    @property
    def stored(self) -> int:
        """Number of items on disk, of any process."""
        return sum(each.spool.stored for each in self.deliveries if each.spool is not None)

    def _reset(self) -> None:
        self._changed = Condition()
        self._thread: Thread | None = None
        self._spool_thread: Thread | None = None
        self._flush_until = 0.0
        self._rests_until = 0.0
        self._closed = False
        self._busy_since: float | None = None

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

    @property
    def is_held_up(self) -> bool:
        """Whether the destination does not take items now, or not soon."""
        since = self._busy_since
        is_slow = since is not None and time.monotonic() - since > HELD_UP
        return is_slow or any(delivery.is_failing for delivery in self.deliveries)

    def leave(self) -> bool:
        """Write all that waits to the spool. Returns whether nothing is left in memory alone."""
        left = [delivery.leave() for delivery in self.deliveries]
        return all(left)

    def close(self) -> None:
        """End the thread and close the connections, when the current attempt has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, timeout: float) -> None:
        """Wait for the end of the threads after `close`, for at most ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        for thread in (self._thread, self._spool_thread):
            if thread is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    def wake(self) -> None:
        """Look at the outboxes now; starts the thread if there is none."""
        with self._changed:
            if self._thread is None and not self._closed:
                thread = Thread(target=self._run, name="telemetry-sender", daemon=True)
                thread.start()
                self._thread = thread
                if self.has_spool:
                    writer = Thread(target=self._run_spool, name="telemetry-spool", daemon=True)
                    writer.start()
                    self._spool_thread = writer
            self._changed.notify_all()

    def hurry(self, deadline: float) -> None:
        """Begin to send what is queued, without waiting for the schedule until ``deadline``."""
        # A flush waits for another thread that does so.
        self.fill(0.0)
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
        if not self.fill(max(0.0, deadline - time.monotonic())):
            return False
        renewals = [each.outbox.renewals for each in self.deliveries]
        wanted = [each.outbox.accepted for each in self.deliveries]

        def left() -> list[Delivery]:
            found = []
            for place, each in enumerate(self.deliveries):
                # Read first: both change at once.
                settled = each.outbox.settled
                if each.outbox.renewals != renewals[place]:
                    # What has taken the place of what was queued is wanted.
                    renewals[place] = each.outbox.renewals
                    wanted[place] = each.outbox.accepted
                if settled < wanted[place]:
                    found.append(each)
            return found

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

    def fill(self, timeout: float = LONGEST_FILL) -> bool:
        """Have what is not encoded yet encoded. Returns whether nothing is left of it.

        Args:
            timeout: seconds to wait for another thread that encodes it.
        """
        filled = [delivery.outbox.fill(timeout) for delivery in self.deliveries]
        return all(filled)

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
            self._busy_since = now
            if self.has_spool:
                # What is held up by this attempt may have to be written.
                self._changed.notify_all()
        try:
            delivery.attempt()
        except Exception as error:  # noqa: BLE001 # the thread must go on
            failed("export.sender", error)
            time.sleep(FIRST_BACKOFF)
        finally:
            with self._changed:
                self._busy_since = None
                self._changed.notify_all()

    def _run_spool(self) -> None:
        with suppress_instrumentation():
            while not self._closed:
                self._spool_step()

    def _spool_step(self) -> None:
        with self._changed:
            flushing = self._flush_until > time.monotonic()
            due = [
                (at, number)
                for number, delivery in enumerate(self.deliveries)
                if (at := delivery.write_due(flushing=flushing, busy_since=self._busy_since))
                is not None
            ]
            now = time.monotonic()
            if self._closed:
                return
            if not due or min(due)[0] > now:
                self._changed.wait(min(due)[0] - now if due else None)
                return
        try:
            self.deliveries[min(due)[1]].write()
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
