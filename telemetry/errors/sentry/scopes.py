"""Sentry's scopes of one request, made when one is first read."""

from __future__ import annotations

import sys
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from sentry_sdk import Scope
from sentry_sdk.scope import ScopeType

from telemetry import private_api as p
from telemetry.forks import renew_in_children
from telemetry.request import any_record

if TYPE_CHECKING:
    from contextvars import ContextVar, Token

_lock = Lock()
renew_in_children(sys.modules[__name__], "_lock")


class _Assigned(NamedTuple):
    """A scope that was assigned within a request."""

    scope: Scope | None
    scopes: dict[ScopeType, Scope]
    """Those of the request."""
    outside: Scope | None
    """What the context had before the request."""


class RequestVariable:
    """Stands in place of a context variable of Sentry's SDK.

    In a request it gives the request's own scope, a copy of the one outside, so that nothing is
    made or assigned for a request that reads none. A scope that is assigned within the request
    comes before it, and applies to the context that assigned it, as for any context variable.

    Args:
        variable: the SDK's. It holds the scopes outside of requests.
        kind: of its scopes.
    """

    def __init__(self, variable: ContextVar[Any], kind: ScopeType) -> None:
        self.name = variable.name
        self._variable = variable
        self._kind = kind

    def get(self, *default: Scope | None) -> Scope | None:
        """The scope of this context. ``default`` is as of `ContextVar.get`."""
        found = self._variable.get(*default)
        record = any_record()
        if isinstance(found, _Assigned):
            if record is None or found.scopes is record.scopes:
                return found.scope
            found = found.outside
        outside: Scope | None = found
        if record is None:
            return outside
        scope: Scope | None = record.scopes.get(self._kind)
        if scope is None:
            with _lock:
                scope = record.scopes.get(self._kind)
                if scope is None:
                    # Without one, what the SDK makes in a new context.
                    scope = Scope(ty=self._kind) if outside is None else outside.fork()
                    record.scopes[self._kind] = scope
        return scope

    def set(self, scope: Scope | None) -> Token[Any]:
        """Assign a scope in this context, and return what `reset` takes."""
        record = any_record()
        if record is None:
            return self._variable.set(scope)
        found = self._variable.get()
        outside = found.outside if isinstance(found, _Assigned) else found
        return self._variable.set(_Assigned(scope, record.scopes, outside))

    def reset(self, token: Token[Any]) -> None:
        """Undo a `set`."""
        self._variable.reset(token)


def use_request_variables() -> bool:
    """Replace the SDK's variables; False if this release does not have them."""
    names = {
        ScopeType.ISOLATION: p.SENTRY_ISOLATION_SCOPE,
        ScopeType.CURRENT: p.SENTRY_CURRENT_SCOPE,
    }
    variables = {kind: p.get(name) for kind, name in names.items()}
    if None in variables.values():
        return False
    return all(
        # The table remembers the SDK's variable, also when it is replaced again.
        p.replace(names[kind], RequestVariable(variable, kind))
        for kind, variable in variables.items()
        if variable is not None
    )
