"""Log records as messages of OTLP."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from telemetry.export.encoding.wire import (
    delimited,
    int64,
    unsigned32,
    unsigned64,
    varint,
)
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord

    from telemetry.export.encoding.values import ValueEncoder

# opentelemetry/proto/logs/v1/logs.proto: LogRecord
_TIME, _OBSERVED_TIME = 0x09, 0x59
_SEVERITY_NUMBER, _SEVERITY_TEXT, _BODY, _ATTRIBUTES = b"\x10", b"\x1a", b"\x2a", b"\x32"
_DROPPED, _EVENT_NAME = b"\x38", b"\x62"
_FLAGS, _TRACE_ID, _SPAN_ID = 0x45, b"\x4a\x10", b"\x52\x08"
_time = struct.Struct("<BQ").pack
_flags = struct.Struct("<BI").pack


def encode_log_record(data: ReadableLogRecord | ReadWriteLogRecord, values: ValueEncoder) -> bytes:
    """Return a log record as the message ``LogRecord``, redacted.

    A body that can't be encoded is left out.

    Raises:
        Exception: if the record has a part that is no log record's.
    """
    # Runs for every exported record: parts that it lacks have default values, and are left out.
    record = data.log_record
    parts = []
    if timestamp := record.timestamp:
        parts.append(_time(_TIME, unsigned64(timestamp)))
    if observed := record.observed_timestamp:
        parts.append(_time(_OBSERVED_TIME, unsigned64(observed)))
    if severity := severity_number(record):
        parts.append(_SEVERITY_NUMBER + int64(severity))
    if text := record.severity_text:
        parts.append(delimited(_SEVERITY_TEXT, values.text(text)))
    try:
        body = values.value(record.body)
    except Exception as error:  # noqa: BLE001 # a value's own methods may raise anything
        failed("export.attribute", error)
        body = b""
    parts += (delimited(_BODY, body), values.attributes(_ATTRIBUTES, record.attributes))
    if dropped := data.dropped_attributes:
        parts.append(_DROPPED + varint(unsigned32(dropped)))
    if flags := record.trace_flags:
        parts.append(_flags(_FLAGS, unsigned32(flags)))
    if trace_id := record.trace_id:
        parts.append(_TRACE_ID + trace_id.to_bytes(16, "big"))
    if span_id := record.span_id:
        parts.append(_SPAN_ID + span_id.to_bytes(8, "big"))
    if event_name := record.event_name:
        parts.append(delimited(_EVENT_NAME, values.text(event_name)))
    return b"".join(parts)


def severity_number(record: LogRecord) -> int:
    """Return a record's severity as a number; 0 if it has none."""
    severity = record.severity_number
    return 0 if severity is None else severity.value
