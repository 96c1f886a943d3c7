"""Limits for what clients can cause without end: traces kept by rule, and error events.

Each budget counts the last minute of its process, by the monotonic clock, so it never lets more
pass in any minute than it says. Half of a budget is reserved for failures that no request has
caused: a flood of malformed requests can't use it up. What is left out is counted by reason, and
logged once an episode.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict, deque
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.instrumentation.utils import suppress_instrumentation

from telemetry.settings import variables as v

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry.settings.model import BudgetSettings

    Clock = Callable[[], float]

logger = logging.getLogger("telemetry")

MINUTE = 60.0
"""Seconds."""
MAX_GROUPS = 2_000
"""Groups of events that are remembered. They are made of code, so a program has few."""
# The part of a budget for what requests cause. The rest is reserved for failures of the host.
_CLIENTS = 0.5

TRACES, TRACE_SPANS = "traces", "trace_spans"
EVENTS, EVENT_GROUP, REQUEST_ERRORS = "events", "event_group", "request_errors"
LOG_RECORDS = "log_records"
REASONS = (TRACES, TRACE_SPANS, EVENTS, EVENT_GROUP, REQUEST_ERRORS, LOG_RECORDS)
"""Values of ``corkboard.limit``."""

_MESSAGES = {
    TRACES: "more than {limit} traces were kept by rule within a minute: of the others the ratio "
    "decides, until there are fewer; {variable} sets the limit",
    EVENTS: "more than {limit} error events within a minute: further ones are left out and "
    "counted, until there are fewer; {variable} sets the limit",
    EVENT_GROUP: "more than {limit} error events of one group within a minute: further ones are "
    "left out and counted, until there are fewer; {variable} sets the limit",
}
_VARIABLES = {
    TRACES: v.TRACE_LIMIT,
    EVENTS: v.EVENT_LIMIT,
    EVENT_GROUP: v.EVENT_GROUP_LIMIT,
}


class LeftOut:
    """Counts what was left out, by reason, and logs each episode once.

    An episode ends when nothing was left out for a minute.
    """

    def __init__(self, limits: BudgetSettings, clock: Clock, *, logs: bool = True) -> None:
        self._logs = logs
        self._limits = {
            TRACES: limits.traces,
            EVENTS: limits.events,
            EVENT_GROUP: limits.events_of_a_group,
        }
        self._clock = clock
        self._last: dict[str, float] = {}
        self.counts: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        """Number of traces, spans and events by reason, since the process started."""

    def count(self, reason: str, number: int = 1) -> None:
        """Count items that were left out."""
        self.counts[reason] += number
        if reason not in _MESSAGES or not self._logs:
            return
        now = self._clock()
        last = self._last.get(reason)
        self._last[reason] = now
        if last is None or now - last >= MINUTE:
            text = _MESSAGES[reason].format(limit=self._limits[reason], variable=_VARIABLES[reason])
            # Not exported: it would be one more item.
            with suppress_instrumentation():
                logger.warning("%s", text)


class Minute:
    """What has passed within the last minute, of failures of the host and of what requests cause.

    Not safe for threads.
    """

    __slots__ = ("_clients", "_hosts", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._hosts: deque[float] = deque()
        self._clients: deque[float] = deque()

    def has_room(self, now: float, *, by_request: bool = False) -> bool:
        """Whether one more may pass.

        What requests cause has a share. What has passed beyond that, since it was the first of
        its group, is not taken from what is reserved for the host.
        """
        hosts, clients = (_number(times, now) for times in (self._hosts, self._clients))
        # At least one, of any limit but 0.
        share = max(1.0, self._limit * _CLIENTS) if self._limit else 0
        if by_request and clients >= share:
            return False
        return hosts + min(clients, share) < self._limit

    def take(self, now: float, *, by_request: bool = False) -> None:
        """Note that one has passed."""
        (self._clients if by_request else self._hosts).append(now)


def _number(times: deque[float], now: float) -> int:
    while times and now - times[0] >= MINUTE:
        times.popleft()
    return len(times)


class TraceBudget:
    """How many unsampled traces are kept by rule.

    Args:
        limit: number of traces a minute.
        left_out: counts the others.
        clock: the monotonic clock.
    """

    def __init__(self, limit: int, left_out: LeftOut, clock: Clock = time.monotonic) -> None:
        self._minute = Minute(limit)
        self._left_out = left_out
        self._clock = clock

    def take(
        self, *, by_request: bool = False, always: bool = False, is_final: bool = True
    ) -> bool:
        """Return whether a trace is kept. The caller has a lock.

        Args:
            by_request: whether the request has caused the failure.
            always: keep it in any case, and count it.
            is_final: whether a trace that is not kept is left out, and counted as such. Of others
                the caller will ask again.
        """
        now = self._clock()
        if not always and not self._minute.has_room(now, by_request=by_request):
            if is_final:
                self._left_out.count(TRACES)
            return False
        self._minute.take(now, by_request=by_request)
        return True


class Admission(NamedTuple):
    """Whether an error event is sent."""

    is_admitted: bool
    is_first: bool = False
    """Whether it is the first of its group."""
    left_out: int = 0
    """Number of events of the group that were left out since the last one that was sent."""


class EventBudget:
    """How many error events are sent, in all and of one group.

    The first event of each group is always sent.

    Args:
        settings: the limits.
        left_out: counts the others.
        clock: the monotonic clock.
        reason: counts all of them by this reason, and of log records.
    """

    def __init__(
        self,
        settings: BudgetSettings,
        left_out: LeftOut,
        clock: Clock = time.monotonic,
        reason: str = "",
    ) -> None:
        self._reason = reason
        self._settings = settings
        self._left_out = left_out
        self._clock = clock
        self._lock = Lock()
        self._minute = Minute(settings.events)
        self._groups: OrderedDict[tuple[str, ...], _Group] = OrderedDict()

    def admit(self, group: Sequence[str], *, by_request: bool = False) -> Admission:
        """Return whether an event is sent.

        Args:
            group: its fingerprint.
            by_request: whether the request has caused the failure.
        """
        key, now = tuple(group), self._clock()
        with self._lock:
            reason = self._reason_against(key, now, by_request=by_request)
            admission = (
                Admission(is_admitted=False)
                if reason
                else self._admitted(key, now, by_request=by_request)
            )
        if reason:
            self._left_out.count(self._counted_as(reason))
        return admission

    def refuses(self, group: Sequence[str], *, by_request: bool = False) -> bool:
        """Whether an event is left out, which is then counted. One that is not is not admitted yet.

        For what need not be made if it is not sent. The arguments are those of `admit`.
        """
        with self._lock:
            reason = self._reason_against(tuple(group), self._clock(), by_request=by_request)
        if reason:
            self._left_out.count(self._counted_as(reason))
        return bool(reason)

    def forked(self) -> None:
        """Replace the lock, which another thread may have held at the fork."""
        self._lock = Lock()

    def _counted_as(self, reason: str) -> str:
        return self._reason or reason

    def _reason_against(self, key: tuple[str, ...], now: float, *, by_request: bool) -> str:
        """Why an event is left out, which its group counts; empty if it is sent."""
        if by_request and not self._settings.request_errors and not self._reason:
            return REQUEST_ERRORS
        group = self._groups.get(key)
        if group is None:
            return ""
        self._groups.move_to_end(key)
        reason = ""
        if not group.minute.has_room(now):
            reason = EVENT_GROUP
        elif not self._minute.has_room(now, by_request=by_request):
            reason = EVENTS
        if reason:
            group.left_out += 1
        return reason

    def _admitted(self, key: tuple[str, ...], now: float, *, by_request: bool) -> Admission:
        group = self._groups.get(key)
        is_first = group is None
        if group is None:
            group = self._groups[key] = _Group(self._settings.events_of_a_group)
            if len(self._groups) > MAX_GROUPS:
                self._groups.popitem(last=False)
        left_out, group.left_out = group.left_out, 0
        group.minute.take(now)
        self._minute.take(now, by_request=by_request)
        return Admission(is_admitted=True, is_first=is_first, left_out=left_out)


class _Group:
    __slots__ = ("left_out", "minute")

    def __init__(self, limit: int) -> None:
        self.minute = Minute(limit)
        self.left_out = 0


class Budgets:
    """The budgets of one process.

    Args:
        settings: the limits.
        clock: the monotonic clock, in seconds.
        logs: whether each episode is logged.
    """

    def __init__(
        self, settings: BudgetSettings, clock: Clock = time.monotonic, *, logs: bool = True
    ) -> None:
        self.settings = settings
        self.left_out = LeftOut(settings, clock, logs=logs)
        self.traces = TraceBudget(settings.traces, self.left_out, clock)
        self.events = EventBudget(settings, self.left_out, clock)
        self._records = EventBudget(settings, self.left_out, clock, LOG_RECORDS)

    def admit_log_record(self, group: Sequence[str]) -> bool:
        """Whether another log record is sent of what a client has caused.

        The limits are those of error events.
        """
        return self._records.admit(group, by_request=True).is_admitted

    def forked(self) -> None:
        """Start anew in a forked child: the parent counts what it has left out itself."""
        for reason in REASONS:
            self.left_out.counts[reason] = 0
        self.events.forked()
        self._records.forked()
