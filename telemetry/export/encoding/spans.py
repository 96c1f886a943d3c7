"""Spans as messages of OTLP."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind, StatusCode

from telemetry.export.encoding.wire import (
    delimited,
    pack_fixed32,
    pack_fixed64,
    unsigned32,
    unsigned64,
    varint,
)
from telemetry.request import ids_of_span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, Status

    from telemetry.export.encoding.values import ValueEncoder

MAX_NAME = 1024
"""Characters of a span's name."""
MAX_DESCRIPTION = 4096
"""Characters of a status's description. The exception's event has the same text."""

# opentelemetry/proto/trace/v1/trace.proto: Span
_IDS = struct.Struct(">2sQQ2sQ").pack
_TRACE_ID, _SPAN_ID = b"\x0a\x10", b"\x12\x08"
_TRACE_STATE, _PARENT_SPAN_ID, _NAME = b"\x1a", b"\x22\x08", b"\x2a"
_KIND_AND_TIMES = struct.Struct("<BBBQBQ").pack
_KIND, _START, _END = 0x30, 0x39, 0x41
ATTRIBUTES = b"\x4a"
"""Tag of a span's attributes."""
_DROPPED_ATTRIBUTES, _EVENT, _DROPPED_EVENTS, _LINK, _DROPPED_LINKS = (
    b"\x50",
    b"\x5a",
    b"\x60",
    b"\x6a",
    b"\x70",
)
_STATUS, _FLAGS = b"\x7a", b"\x85\x01"
# Event
_EVENT_TIME, _EVENT_NAME, _EVENT_ATTRIBUTES, _EVENT_DROPPED = b"\x09", b"\x12", b"\x1a", b"\x20"
# Link
_LINK_ATTRIBUTES, _LINK_DROPPED, _LINK_FLAGS = b"\x22", b"\x28", b"\x35"
# Status
_MESSAGE, _CODE = b"\x12", b"\x18"

# SpanFlags: whether it is known that the parent, or the linked span, is remote.
_LOCAL = _FLAGS + pack_fixed32(0x100)
_REMOTE = _FLAGS + pack_fixed32(0x300)
_LINK_LOCAL = _LINK_FLAGS + pack_fixed32(0x100)
_LINK_REMOTE = _LINK_FLAGS + pack_fixed32(0x300)
_NO_STATUS = _STATUS + b"\x00"
_LOW = 2**64 - 1
# Read once, since an enumeration looks its members up in Python.
_INTERNAL, _UNSET = SpanKind.INTERNAL, StatusCode.UNSET
# OTLP has 0 for "unspecified".
_KINDS = {
    SpanKind.INTERNAL: 1,
    SpanKind.SERVER: 2,
    SpanKind.CLIENT: 3,
    SpanKind.PRODUCER: 4,
    SpanKind.CONSUMER: 5,
}


def encode_span(span: ReadableSpan, values: ValueEncoder) -> bytes:
    """Return a span as the message ``Span``, redacted.

    Raises:
        Exception: if the span has no context, or a part that is no span's.
    """
    # Runs for every exported span: each attribute of the SDK's objects is read once, since most
    # are computed.
    # A light span has its ids, and its attributes as a dictionary, which does not change after its
    # end.
    context: Any = ids_of_span(span)
    is_light = context is span
    if context is None:
        raise ValueError("a span without a context")
    trace_id = context.trace_id
    encoded = _IDS(_TRACE_ID, trace_id >> 64, trace_id & _LOW, _SPAN_ID, context.span_id)
    state = context.trace_state
    if state:
        encoded += delimited(_TRACE_STATE, values.text(state.to_header()))
    # Making that of a light span takes some calls.
    parent = None if is_light and not context.parent_id else span.parent
    if parent is not None:
        encoded += _PARENT_SPAN_ID + parent.span_id.to_bytes(8, "big")
    name = span.name
    encoded += delimited(_NAME, values.text(name, MAX_NAME))
    kind = span.kind
    # Its hash is computed in Python.
    kind_number = 1 if kind is _INTERNAL else _KINDS[kind]
    try:
        encoded += _KIND_AND_TIMES(_KIND, kind_number, _START, span.start_time, _END, span.end_time)
    except struct.error:
        start, end = unsigned64(span.start_time), unsigned64(span.end_time)
        encoded += _KIND_AND_TIMES(_KIND, kind_number, _START, start, _END, end)
    encoded += values.attributes(ATTRIBUTES, context.values if is_light else span.attributes)
    if not is_light or context.has_more:
        encoded += _more(span, values)
    status = span.status
    if status.status_code is _UNSET and not status.description:
        encoded += _NO_STATUS
    else:
        encoded += _status(status, values)
    return encoded + (_REMOTE if parent is not None and parent.is_remote else _LOCAL)


def _more(span: ReadableSpan, values: ValueEncoder) -> bytes:
    """Return what few spans have: events, links, and the numbers of what was dropped."""
    encoded = b""
    if dropped := span.dropped_attributes:
        encoded += _count(_DROPPED_ATTRIBUTES, dropped)
    if events := span.events:
        encoded += b"".join(delimited(_EVENT, _event(event, values)) for event in events)
    if dropped := span.dropped_events:
        encoded += _count(_DROPPED_EVENTS, dropped)
    if links := span.links:
        encoded += b"".join(delimited(_LINK, _link(link, values)) for link in links)
    if dropped := span.dropped_links:
        encoded += _count(_DROPPED_LINKS, dropped)
    return encoded


def _count(prefix: bytes, number: int) -> bytes:
    return prefix + varint(unsigned32(number))


def _event(event: Event, values: ValueEncoder) -> bytes:
    encoded = (
        _EVENT_TIME
        + pack_fixed64(unsigned64(event.timestamp))
        + delimited(_EVENT_NAME, values.text(event.name))
        + values.of_events.attributes(_EVENT_ATTRIBUTES, event.attributes)
    )
    dropped = event.dropped_attributes
    return encoded + _count(_EVENT_DROPPED, dropped) if dropped else encoded


def _link(link: Link, values: ValueEncoder) -> bytes:
    context = link.context
    encoded = (
        _IDS(_TRACE_ID, context.trace_id >> 64, context.trace_id & _LOW, _SPAN_ID, context.span_id)
        + values.of_events.attributes(_LINK_ATTRIBUTES, link.attributes)
        + (_LINK_REMOTE if context.is_remote else _LINK_LOCAL)
    )
    dropped = link.dropped_attributes
    return encoded + _count(_LINK_DROPPED, dropped) if dropped else encoded


def _status(status: Status, values: ValueEncoder) -> bytes:
    code, description = status.status_code, status.description
    encoded = b"" if code is _UNSET else _CODE + varint(code.value)
    if description:
        encoded = delimited(_MESSAGE, values.text(description, MAX_DESCRIPTION)) + encoded
    return delimited(_STATUS, encoded)
