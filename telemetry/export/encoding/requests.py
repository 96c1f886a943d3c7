"""OTLP requests: encoded items, grouped by resource and instrumentation scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from telemetry.export.encoding.values import ValueEncoder
from telemetry.export.encoding.wire import delimited, varint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from telemetry.redaction.redactor import Redactor

# The messages of the three signals have the same field numbers:
# ExportTraceServiceRequest, ResourceSpans and ScopeSpans, and those of metrics and logs.
_RESOURCE_ITEMS = b"\x0a"
_RESOURCE, _SCOPE_ITEMS, _RESOURCE_SCHEMA = b"\x0a", b"\x12", b"\x1a"
_SCOPE, _ITEM, _SCOPE_SCHEMA = b"\x0a", b"\x12", b"\x1a"
# Resource
_RESOURCE_ATTRIBUTES = b"\x0a"
# InstrumentationScope
_NAME, _VERSION, _SCOPE_ATTRIBUTES = b"\x0a", b"\x12", b"\x1a"

_MAX_SOURCES = 1024


# Plain tuples of bytes and numbers: the garbage collector looks at each of them once only.
Source: TypeAlias = tuple[bytes, bytes]
"""The resource and the instrumentation scope of an item, encoded."""
Item: TypeAlias = tuple[Source, bytes, int, bool]
"""An encoded item.

Its source; the message ``Span``, ``LogRecord`` or ``Metric``; the number of spans, log records or
data points in it; and whether it tells of a failure: these are the last to be dropped from a full
queue.
"""


class Sources:
    """Redacts and encodes resources and scopes once for all their items.

    Args:
        redactor: redaction rules; None redacts nothing.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        self._values = ValueEncoder(redactor)
        # By the scope's identity, since the SDK's scopes and resources are hashed slowly: a process
        # has one resource. The objects are kept, or another one could get the same identity.
        self._known: dict[int, tuple[Source, object, object]] = {}

    def of(self, resource: Resource | None, scope: InstrumentationScope | None) -> Source:
        """Return the source of items of this resource and scope."""
        known = self._known.get(id(scope))
        if known is None or known[1] is not resource:
            source = self._resource(resource), self._scope(scope)
            if len(self._known) >= _MAX_SOURCES:
                # Without a lock, which a fork could copy while it is held: at worst one source is
                # encoded again.
                self._known = {}
            known = self._known[id(scope)] = source, resource, scope
        return known[0]

    def _resource(self, resource: Resource | None) -> bytes:
        if resource is None:
            return delimited(_RESOURCE, b"")
        attributes = self._values.attributes(_RESOURCE_ATTRIBUTES, resource.attributes)
        schema = self._text(_RESOURCE_SCHEMA, resource.schema_url)
        return delimited(_RESOURCE, attributes) + schema

    def _scope(self, scope: InstrumentationScope | None) -> bytes:
        if scope is None:
            return delimited(_SCOPE, b"")
        encoded = self._text(_NAME, scope.name) + self._text(_VERSION, scope.version)
        encoded += self._values.attributes(_SCOPE_ATTRIBUTES, scope.attributes)
        return delimited(_SCOPE, encoded) + self._text(_SCOPE_SCHEMA, scope.schema_url)

    def _text(self, prefix: bytes, text: str | None) -> bytes:
        return delimited(prefix, self._values.text(text)) if text else b""


def encode_request(items: Iterable[Item]) -> bytes:
    """Return the items of one signal as its ``Export…ServiceRequest``."""
    by_resource: dict[bytes, dict[bytes, list[bytes]]] = {}
    current: Source | None = None
    parts: list[bytes] = []
    for source, body, _, _ in items:
        if source is not current:
            current = source
            resource, scope = source
            parts = by_resource.setdefault(resource, {}).setdefault(scope, [])
        parts += (_ITEM, varint(len(body)), body)
    return b"".join(
        delimited(
            _RESOURCE_ITEMS,
            resource
            + b"".join(
                delimited(_SCOPE_ITEMS, scope + b"".join(parts))
                for scope, parts in by_scope.items()
            ),
        )
        for resource, by_scope in by_resource.items()
    )
