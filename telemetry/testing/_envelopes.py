"""Decodes the envelopes that Sentry's SDKs send.

As strict as the specification, which allows neither a stray blank line nor a
payload that is shorter than declared: a test should show a sender's mistake.

https://develop.sentry.dev/sdk/data-model/envelopes/#serialization-format
"""

from __future__ import annotations

import json
from typing import Any

from telemetry.testing.received_events import JSONObject, ReceivedEnvelope, ReceivedItem


def envelope(data: bytes) -> ReceivedEnvelope:
    """Decode one envelope. Raises ValueError with the problem."""
    line, _, rest = data.partition(b"\n")
    headers = _headers(line, "the envelope's header")
    items: list[ReceivedItem] = []
    while rest:
        item, rest = _item(rest, f"item {len(items)}")
        items.append(item)
    return ReceivedEnvelope(headers, tuple(items))


def _item(data: bytes, where: str) -> tuple[ReceivedItem, bytes]:
    line, newline, rest = data.partition(b"\n")
    headers = _headers(line, f"the header of {where}")
    kind = headers.get("type")
    if not isinstance(kind, str):
        raise ValueError(f"{where} has no type")
    if not newline:
        raise ValueError(f"{where} has no payload")
    payload, rest = _payload(rest, headers.get("length"), where)
    decoded = _decoded(payload)
    if kind == "event" and not isinstance(decoded, dict):
        raise ValueError(f"{where} is an event and no JSON object")
    return ReceivedItem(kind, headers, decoded), rest


def _payload(data: bytes, length: object, where: str) -> tuple[bytes, bytes]:
    if length is None:
        payload, _, rest = data.partition(b"\n")
        return payload, rest
    # isinstance(True, int) is true.
    if type(length) is not int or length < 0:
        raise ValueError(f"{where} has length {length!r}, wanted a number of bytes")
    if length > len(data):
        raise ValueError(f"{where} ends after {len(data)} of {length} bytes")
    if data[length : length + 1] not in (b"\n", b""):
        raise ValueError(f"{where} goes on after its {length} bytes")
    return data[:length], data[length + 1 :]


def _headers(line: bytes, where: str) -> JSONObject:
    headers = _decoded(line)
    if not isinstance(headers, dict):
        raise ValueError(f"{where} is no JSON object")
    return headers


def _decoded(data: bytes) -> Any:
    """Decode JSON in UTF-8. Other data is returned unchanged."""
    try:
        return json.loads(data.decode())
    except (ValueError, RecursionError):
        return data
