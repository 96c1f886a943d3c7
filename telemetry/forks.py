"""Locks across `os.fork`.

A child has only the thread that forked. A lock that another thread held at that moment would stay
locked in the child for ever, and what it guards may be half done.
"""

from __future__ import annotations

import os
import time
from threading import Lock, RLock, local
from typing import TYPE_CHECKING, Any, Self
from weakref import ReferenceType, WeakMethod, ref

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT = 2.0
"""Seconds that a fork waits for the threads that hold a `ForkLock`: a disk may hang."""
LONGEST_START = 10.0
"""The same for a start, which imports packages."""


class ForkLock:
    """A reentrant lock for work that a fork must not interrupt.

    A fork waits until no other thread has it, for a limited time. It is free in the child in any
    case.

    Args:
        longest_wait: seconds that a fork waits for it and for others of at most that time;
            `LONGEST_WAIT` unless given.
    """

    __slots__ = ("__weakref__", "_lock", "_longest_wait")

    def __init__(self, longest_wait: float | None = None) -> None:
        self._lock = RLock()
        self._longest_wait = longest_wait
        _held_at_forks.append(ref(self, _held_at_forks.remove))

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def acquire(self, since: float) -> bool:
        """Whether the lock was taken by a fork that has waited ``since`` then (monotonic clock)."""
        longest = LONGEST_WAIT if self._longest_wait is None else self._longest_wait
        return self._lock.acquire(timeout=max(0.0, since + longest - time.monotonic()))

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def renew(self) -> None:
        """Replace the lock in a child."""
        self._lock = RLock()


def renew_in_children(owner: Any, attribute: str) -> None:
    """Give an object another lock in each forked child.

    For locks of the request's path, which are held for a few operations on values in memory: a fork
    does not wait for them.

    Args:
        owner: an object, or a module. It is referenced weakly.
        attribute: its attribute with the lock.
    """
    make = _MAKERS[type(getattr(owner, attribute))]
    _renewed.append((ref(owner, _forget), attribute, make))


def call_in_children(method: Callable[[], None]) -> None:
    """Call a bound method in each forked child, for as long as its object exists."""
    bound = WeakMethod(method)

    def after_in_child() -> None:
        if call := bound():
            call()

    os.register_at_fork(after_in_child=after_in_child)


def _forget(reference: ReferenceType[Any]) -> None:
    _renewed[:] = [each for each in _renewed if each[0] is not reference]


_MAKERS: dict[type, Callable[[], Any]] = {type(make()): make for make in (Lock, RLock)}

_held_at_forks: list[ReferenceType[ForkLock]] = []
_renewed: list[tuple[ReferenceType[Any], str, Callable[[], Any]]] = []
# Each thread that forks has its own.
_taken = local()


def _before() -> None:
    began = time.monotonic()
    known = [lock for reference in [*_held_at_forks] if (lock := reference()) is not None]
    _taken.locks = [lock for lock in known if lock.acquire(began)]


def _after_in_parent() -> None:
    for lock in _taken.locks:
        lock.release()
    _taken.locks = []


def _after_in_child() -> None:
    _taken.locks = []
    for held in [*_held_at_forks]:
        if (lock := held()) is not None:
            lock.renew()
    for reference, attribute, make in [*_renewed]:
        owner = reference()
        if owner is not None:
            setattr(owner, attribute, make())


os.register_at_fork(
    before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)
