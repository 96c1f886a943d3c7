"""Isolates Sentry's scope for each request, so that tags of a host apply to one request only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from asgiref.sync import markcoroutinefunction
from opentelemetry import trace

from telemetry.scope import header

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telemetry.scope import Message, Receive, Send

SENTRY_TRACE = b"sentry-trace"


class Isolation:
    """ASGI middleware between the edge and the application.

    Sentry's ASGI middleware does this and more that telemetry does differently or not at all.
    Sentry's SDK is not imported here: the host may import it later or not at all.

    Args:
        app: the ASGI application.
        is_hosts: returns whether the client of Sentry's SDK is one that the host initialised.
            Its transactions then continue the request's trace.
    """

    def __init__(self, app: Any, is_hosts: Callable[[], bool]) -> None:
        self.app = app
        self._is_hosts = is_hosts
        # Whether requests get scopes of their own without a call here. None until it is known.
        self._is_automatic: bool | None = None
        # `asgiref` takes what is no coroutine function for an application of ASGI 2.
        markcoroutinefunction(self)

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        """The ASGI application."""
        if self._is_automatic and not self._is_hosts():
            # Without a coroutine, which would be passed through at each change of tasks.
            found: Awaitable[None] = self.app(scope, receive, send)
            return found
        return self._isolated(scope, receive, send)

    async def _isolated(self, scope: Message, receive: Receive, send: Send) -> None:
        # Without the attribute, another thread is importing it.
        isolation_scope = getattr(sys.modules.get("sentry_sdk"), "isolation_scope", None)
        if isolation_scope is None or scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if self._is_hosts():
            scope = _with_trace(scope)
        if self._is_automatic is None:
            # Here, since it imports the SDK.
            from telemetry.errors.sentry.scopes import use_request_variables

            self._is_automatic = use_request_variables()
        if self._is_automatic:
            await self.app(scope, receive, send)
            return
        with isolation_scope():
            await self.app(scope, receive, send)


def _with_trace(scope: Message) -> Message:
    """The scope with the header that Sentry's integrations continue a trace from.

    Without the sampling flag, which leaves the decision to the host's settings. A transaction
    would otherwise have a trace id that no error event has.
    """
    context = trace.get_current_span().get_span_context()
    headers = scope.get("headers") or ()
    if not context.is_valid or header(headers, SENTRY_TRACE) is not None:
        return scope
    ids = f"{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}"
    return {**scope, "headers": [*headers, (SENTRY_TRACE, ids.encode())]}
