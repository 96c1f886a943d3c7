"""Encoded items of one signal that wait to be sent to one destination."""

from __future__ import annotations

import logging
import time
from collections import deque
from threading import RLock
from typing import TYPE_CHECKING

from opentelemetry.instrumentation.utils import suppress_instrumentation

from telemetry.export.encoding.requests import encode_request
from telemetry.settings.variables import QUEUE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from telemetry.export.encoding.requests import Item
    from telemetry.export.spool import Segment
    from telemetry.export.statistics import ExportStatistics
    from telemetry.settings.model import QueueSettings

logger = logging.getLogger("telemetry")

QUEUE_FULL = "queue_full"
"""Value of ``error.type`` for items that a full queue dropped."""
MAX_REQUEST = 3_500_000
"""Bytes of a request before compression. Receivers over gRPC refuse 4 MiB by default."""
LONGEST_FILL = 5.0
"""Seconds that the sender waits for another thread that encodes items."""
# What a request adds to a body: tags and lengths.
_FRAME = 16


class Batch:
    """Items that are sent in one request, and the attempts so far.

    Args:
        items: the items.
        encode: makes the request of them.
    """

    def __init__(
        self, items: Sequence[Item], encode: Callable[[Sequence[Item]], bytes] = encode_request
    ) -> None:
        self.items = items
        self._encode = encode
        self.count = sum([number for _, _, number, _ in items])
        """Number of spans, log records or data points."""
        self.size = sum([len(body) for _, body, _, _ in items])
        """Bytes of the items."""
        self.attempts = 0
        self.began = 0.0
        """When the first attempt began, by the monotonic clock."""
        self.server_errors = 0
        """Number of attempts that were answered with 500."""
        self.delivered_before: int | None = None
        """Number of items that the destination had accepted at the first of them."""
        self.is_settled = False
        """Whether its outbox does not count it any more."""
        self.segment: Segment | None = None
        """The file of the spool that has its items."""
        self.is_left = False
        """Whether any process may send that file, after the attempt that is under way."""

    def request(self) -> bytes:
        """Return the request's body. Made for each attempt: it may have the time of sending."""
        return self._encode(self.items)

    def halves(self) -> list[Batch]:
        """Return two batches with the same items, or itself if it has one item."""
        middle = len(self.items) // 2
        if not middle:
            return [self]
        halves = [Batch(half, self._encode) for half in (self.items[:middle], self.items[middle:])]
        for half in halves:
            half.is_settled = self.is_settled
        return halves


def batches(items: Iterable[Item]) -> Iterator[Batch]:
    """Yield the items in batches of at most `MAX_REQUEST` bytes, or of one larger item."""
    taken: list[Item] = []
    size = 0
    for item in items:
        size += len(item[1]) + _FRAME
        if taken and size > MAX_REQUEST:
            yield Batch(taken)
            taken, size = [], len(item[1]) + _FRAME
        taken.append(item)
    if taken:
        yield Batch(taken)


class Outbox:
    """A queue with two limits, in items and in bytes. The first that is reached drops items.

    When it is full, ordinary items are dropped before those that tell of a failure, and the oldest
    first. Batches that are being sent count as bytes until they are settled, and not as items.

    Args:
        what: the signal and its destination, for messages.
        limits: number of items, bytes, and the schedule of exports.
        statistics: counts accepted, delivered and dropped items. Only the outbox writes
            ``accepted``, under its own lock.
        replaced: whether the items that wait are dropped, uncounted, when newer ones arrive, as
            cumulative metrics replace each other.
        encode: makes a request of items.
    """

    def __init__(
        self,
        what: str,
        limits: QueueSettings,
        statistics: ExportStatistics,
        *,
        replaced: bool = False,
        encode: Callable[[Sequence[Item]], bytes] = encode_request,
    ) -> None:
        self.what = what
        self.encode = encode
        self.limits = limits
        # Read for each item.
        self._max_size, self._max_bytes = limits.max_size, limits.max_bytes
        self._max_batch = limits.max_batch
        self.statistics = statistics
        self.replaced = replaced
        self.wake: Callable[[], None] = _do_nothing
        """Called, on the caller's thread, when a sender may have to act earlier than planned."""
        self.on_drop: Callable[[int, str], None] = _do_nothing
        """Called with the number of items that were dropped, and the reason."""
        self.fill: Callable[[float], bool] = _nothing_is_staged
        """Adds the items that are not encoded yet. Waits the given number of seconds for another
        thread that does so, and returns False if it is not done by then. To be called before what
        is accepted is read, and without a lock, since it may wake the sender."""
        self.staged: Collection[object] = ()
        """Those items."""
        self.clear()

    def clear(self) -> None:
        """Forget all items: after a fork, they are the parent's to send."""
        # Reentrant: a signal handler may log while its thread adds an item.
        self._lock = RLock()
        # Each with its number in the order of arrival, in which they are sent.
        self._failures: deque[tuple[int, Item]] = deque()
        self._ordinary: deque[tuple[int, Item]] = deque()
        self._next = 0
        self._bytes = 0
        self.since: float | None = None
        """When the oldest item came, by the monotonic clock; None if nothing waits."""
        self._overflowing = False
        self.settled = 0
        """Number of accepted items that were delivered or dropped, or were replaced."""
        self.accepted = 0
        self.renewals = 0
        """How often items that waited were replaced."""

    def put(self, item: Item) -> None:
        """Add an item. Does not block, but for the time of another thread's call."""
        # Runs for every span and log record, on the thread that ends it.
        _, body, number, is_failure = item
        first = False
        failures, ordinary = self._failures, self._ordinary
        lock = self._lock
        lock.acquire()
        try:
            self.statistics.accepted += number
            self.accepted += number
            size = self._bytes = self._bytes + len(body)
            place = self._next
            self._next = place + 1
            (failures if is_failure else ordinary).append((place, item))
            if self.since is None:
                first = True
                self.since = time.monotonic()
            waiting = len(failures) + len(ordinary)
            if waiting > self._max_size or size > self._max_bytes:
                self._drop_oldest()
        finally:
            lock.release()
        # One item at a time reaches the size of a batch: each further one would wake it again.
        if first or waiting == self._max_batch:
            self.wake()

    def expect(self) -> None:
        """Note that there is an item that `fill` will add: it is sent as one that waits."""
        with self._lock:
            if self.since is not None:
                return
            self.since = time.monotonic()
        self.wake()

    def replace(self, items: Iterable[Item]) -> None:
        """Add what was collected at one time, instead of what still waits from earlier times."""
        replaced = 0
        if self.replaced:
            with self._lock:
                for _, (_, body, number, _) in (*self._failures, *self._ordinary):
                    self._bytes -= len(body)
                    replaced += number
                    self.statistics.accepted -= number
                self._failures.clear()
                self._ordinary.clear()
        for item in items:
            self.put(item)
        if replaced:
            # Last: a flush that waits for what is replaced waits for what has taken its place.
            with self._lock:
                self.settled += replaced
                self.renewals += 1
            self.wake()

    def reject(self, count: int, reason: str) -> None:
        """Count items that could not be encoded."""
        with self._lock:
            self.statistics.accepted += count
            self.statistics.drop(count, reason)
            self.on_drop(count, reason)

    def _drop_oldest(self) -> None:
        while self._is_full():
            queue = self._ordinary or self._failures
            if not queue:
                # All of it is being sent.
                return
            _, (_, body, number, _) = queue.popleft()
            self._bytes -= len(body)
            self.settled += number
            self.statistics.drop(number, QUEUE_FULL)
            self.on_drop(number, QUEUE_FULL)
            if not self._overflowing:
                self._overflowing = True
                self._say_full()

    def _say_full(self) -> None:
        # Not exported: it would be one more item.
        with suppress_instrumentation():
            logger.warning(
                "the queue of %s is full (%d items, %d bytes): the oldest are dropped, failures "
                "last, and counted until there is room; %s",
                self.what,
                self._encoded(),
                self._bytes,
                f"{QUEUE_BYTES} sets its limit"
                if self.limits.variable == QUEUE_BYTES
                else f"{self.limits.variable} and {QUEUE_BYTES} set its limits",
            )

    def _is_full(self) -> bool:
        return self._encoded() > self.limits.max_size or self._bytes > self.limits.max_bytes

    def take(self) -> Batch | None:
        """Remove the items of one request, the oldest first; None if nothing waits."""
        # A full queue has no room for what `fill` adds before some of it is taken.
        batch = self._take() if self._encoded() >= self._max_batch else None
        if batch is None:
            self.fill(LONGEST_FILL)
            batch = self._take()
        # What has come since then may have found that others wait, which have been taken.
        self.fill(LONGEST_FILL)
        return batch

    def _take(self) -> Batch | None:
        with self._lock:
            taken: list[Item] = []
            size = 0
            failures, ordinary = self._failures, self._ordinary
            if not failures and len(ordinary) <= self._max_batch:
                # The usual case, without a line for each.
                found = [item for _, item in ordinary]
                whole = sum([len(body) + _FRAME for _, body, _, _ in found])
                if whole <= MAX_REQUEST:
                    taken = found
                    ordinary.clear()
            for _ in range(min(self._encoded(), self._max_batch - len(taken))):
                queue = ordinary
                if failures and not (ordinary and ordinary[0][0] < failures[0][0]):
                    queue = failures
                item = queue[0][1]
                size += len(item[1]) + _FRAME
                if taken and size > MAX_REQUEST:
                    break
                queue.popleft()
                taken.append(item)
            if not (self._failures or self._ordinary):
                self.since = None
                self._overflowing = False
            return Batch(taken, self.encode) if taken else None

    def settle(self, batch: Batch) -> None:
        """Note that a batch is neither queued nor being sent any more."""
        if batch.is_settled:
            return
        batch.is_settled = True
        with self._lock:
            self._bytes -= batch.size
            self.settled += batch.count

    @property
    def waiting(self) -> int:
        """Number of items that are queued, with those that `fill` adds."""
        return self._encoded() + len(self.staged)

    def _encoded(self) -> int:
        return len(self._failures) + len(self._ordinary)

    def due(self) -> float | None:
        """When the next batch is to be sent, by the monotonic clock; None if nothing waits."""
        with self._lock:
            if self.since is None:
                return None
            if self._encoded() >= self.limits.max_batch:
                return self.since
            return self.since + self.limits.schedule_delay


def _do_nothing(*_: object) -> None:
    pass


def _nothing_is_staged(_seconds: float) -> bool:
    return True
