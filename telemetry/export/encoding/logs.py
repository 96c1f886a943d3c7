"""Log records as messages of OTLP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.export.encoding.wire import (
    delimited,
    int64,
    pack_fixed32,
    pack_fixed64,
    unsigned32,
    unsigned64,
    varint,
)
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord

    from telemetry.export.encoding.values import ValueEncoder

# opentelemetry/proto/logs/v1/logs.proto: LogRecord
_TIME, _SEVERITY_NUMBER, _SEVERITY_TEXT, _BODY, _ATTRIBUTES = (
    b"\x09",
    b"\x10",
    b"\x1a",
    b"\x2a",
    b"\x32",
)
_DROPPED, _FLAGS, _TRACE_ID, _SPAN_ID = b"\x38", b"\x45", b"\x4a\x10", b"\x52\x08"
_OBSERVED_TIME, _EVENT_NAME = b"\x59", b"\x62"


def encode_log_record(data: ReadableLogRecord | ReadWriteLogRecord, values: ValueEncoder) -> bytes:
    """Return a log record as the message ``LogRecord``, redacted.

    A body that can't be encoded is left out.

    Raises:
        Exception: if the record has a part that is no log record's.
    """
    record = data.log_record
    parts = []
    if record.timestamp:
        parts.append(_TIME + pack_fixed64(unsigned64(record.timestamp)))
    if record.severity_number is not None and record.severity_number.value:
        parts.append(_SEVERITY_NUMBER + int64(record.severity_number.value))
    if record.severity_text:
        parts.append(delimited(_SEVERITY_TEXT, values.text(record.severity_text)))
    try:
        body = values.value(record.body)
    except Exception as error:  # noqa: BLE001 # a value's own methods may raise anything
        failed("export.attribute", error)
        body = b""
    parts += (delimited(_BODY, body), values.attributes(_ATTRIBUTES, record.attributes))
    if data.dropped_attributes:
        parts.append(_DROPPED + varint(unsigned32(data.dropped_attributes)))
    if record.trace_flags:
        parts.append(_FLAGS + pack_fixed32(unsigned32(int(record.trace_flags))))
    if record.trace_id:
        parts.append(_TRACE_ID + record.trace_id.to_bytes(16, "big"))
    if record.span_id:
        parts.append(_SPAN_ID + record.span_id.to_bytes(8, "big"))
    if record.observed_timestamp:
        parts.append(_OBSERVED_TIME + pack_fixed64(unsigned64(record.observed_timestamp)))
    if record.event_name:
        parts.append(delimited(_EVENT_NAME, values.text(record.event_name)))
    return b"".join(parts)
