"""Whether a client's trace context is used.

The sites are public. By default a request with a ``traceparent`` starts a new
trace that links to it, so that clients can't choose trace ids, parents or
sampling.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext

from telemetry.scope import header
from telemetry.settings import variables as v

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from telemetry.settings.model import TraceparentPolicy

SECRET_HEADER = b"x-service-secret"


_TRACEPARENT = "traceparent"
_NOT_LINKED = ("tracestate", "baggage")
# No trace context: the length is that of no version.
_INVALID = ""
# The answer for most requests.
_NONE: tuple[Context, Sequence[Link]] = (Context(), ())


class Trust:
    """Determines the parent context and the links of a request's SERVER span."""

    def __init__(
        self, policy: TraceparentPolicy = v.TRACEPARENT.default, secret: str | None = None
    ) -> None:
        self._policy = policy
        self._secret = secret.encode() if secret else None
        self._propagator = propagate.get_global_textmap()
        self._fields = frozenset(name.lower().encode() for name in self._propagator.fields)

    def start(
        self, scope: Mapping[str, Any], names: Collection[bytes] | None = None
    ) -> tuple[Context, Sequence[Link]]:
        """The parent context, empty unless the client is trusted, and the links.

        Args:
            scope: of the request.
            names: of its headers, in small letters, if they are known.
        """
        if names is not None and self._fields.isdisjoint(names):
            return _NONE
        headers = scope.get("headers") or ()
        carrier: dict[str, str] = {}
        for key, value in headers:
            name = key.lower()
            if name in self._fields:
                _add(carrier, name.decode("latin-1"), value.decode("latin-1"))
        if not carrier:
            return _NONE
        trusted = self._policy == "trust" or self._has_valid_secret(headers)
        if not trusted:
            if self._policy == "ignore":
                return _NONE
            # Neither is used. Propagators log what they can't parse: kilobytes of it.
            for name in _NOT_LINKED:
                carrier.pop(name, None)
        extracted = self._propagator.extract(carrier, context=Context())
        if trusted:
            return extracted, ()
        remote = trace.get_current_span(extracted).get_span_context()
        if not remote.is_valid:
            return _NONE
        # Without tracestate: up to 512 characters that the client chooses.
        return Context(), (
            Link(SpanContext(remote.trace_id, remote.span_id, True, remote.trace_flags)),
        )

    def _has_valid_secret(self, headers: Any) -> bool:
        if self._secret is None:
            return False
        given = header(headers, SECRET_HEADER)
        return given is not None and hmac.compare_digest(given.encode("latin-1"), self._secret)


def _add(carrier: dict[str, str], name: str, value: str) -> None:
    """Add a header to those of its name.

    Several of one name are one, in their order (RFC 9110, 5.3; W3C Trace Context, 3.3.1.1; W3C
    Baggage, 3.3.2), except for ``traceparent``: several are none (W3C Trace Context, 3.2.1).
    """
    if name not in carrier:
        carrier[name] = value
    elif name == _TRACEPARENT:
        carrier[name] = _INVALID
    else:
        carrier[name] = f"{carrier[name]},{value}"
