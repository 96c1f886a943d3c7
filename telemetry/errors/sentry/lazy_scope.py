"""A scope of Sentry's SDK that is copied from another one when it is first read."""

from __future__ import annotations

from threading import RLock
from typing import Any

from sentry_sdk import Scope
from sentry_sdk.scope import ScopeType

_new: Any = object.__new__
_SLOTS: tuple[str, ...] = getattr(Scope, "__slots__", ())
# Reentrant: the original may be such a scope too.
_lock = RLock()
_TYPES = {"current_scope": ScopeType.CURRENT, "isolation_scope": ScopeType.ISOLATION}


class LazyScope(Scope):
    """A scope without values: the first that is read copies all of the original's.

    Sentry's scopes have slots. Python calls ``__getattr__`` for one that was not assigned.
    """

    __slots__ = ("_original",)
    _original: tuple[str, Scope | None]

    def __getattr__(self, name: str) -> Any:
        if name not in _SLOTS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        with _lock:
            copy = _copy(*self._original)
            for slot in _SLOTS:
                try:
                    # Not `getattr`, which comes here.
                    object.__getattribute__(self, slot)
                except AttributeError:
                    setattr(self, slot, getattr(copy, slot))
        return object.__getattribute__(self, name)


def lazy_copy(kind: str, original: Scope | None) -> Scope:
    """Return a scope that becomes a copy of another one.

    Args:
        kind: ``current_scope`` or ``isolation_scope``.
        original: the other one; None for a new scope.
    """
    if not _SLOTS:
        return _copy(kind, original)
    scope: LazyScope = _new(LazyScope)
    scope._original = (kind, original)
    return scope


def _copy(kind: str, original: Scope | None) -> Scope:
    # Without one, what Sentry's SDK makes in a new context.
    return Scope(ty=_TYPES[kind]) if original is None else original.fork()
