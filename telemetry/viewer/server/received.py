"""Counts what was received, what was odd and what was refused: in the last minute, and in all."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60
MAX_REASONS = 500
"""Limit of the different keys that are counted."""
OTHER = "other"

Key = tuple[str, str]


class Received:
    """Counts by kind and name, such as `("requests", "traces")`. Used by one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._total: Counter[Key] = Counter()
        self._seconds: deque[tuple[int, Counter[Key]]] = deque()

    def add(self, kind: str, name: str, count: int = 1) -> None:
        """Count something now."""
        if (kind, name) not in self._total and len(self._total) >= MAX_REASONS:
            name = OTHER
        self._total[kind, name] += count
        now = int(self._clock())
        if not self._seconds or self._seconds[-1][0] != now:
            self._forget(now)
            self._seconds.append((now, Counter()))
        self._seconds[-1][1][kind, name] += count

    def counts(self, kind: str) -> dict[str, tuple[int, int]]:
        """Return the numbers of the last minute and since the start, by name."""
        self._forget(int(self._clock()))
        minute: Counter[Key] = Counter()
        for _, counted in self._seconds:
            minute.update(counted)
        return {
            name: (minute[each, name], total)
            for (each, name), total in sorted(self._total.items())
            if each == kind
        }

    def _forget(self, now: int) -> None:
        while self._seconds and self._seconds[0][0] <= now - SECONDS:
            self._seconds.popleft()
