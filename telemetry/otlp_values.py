"""OTLP's attribute values as plain Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    from telemetry.testing.received import Value


def plain(value: AnyValue) -> Value:
    """Give one value; an unset one is None."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return mapping(value.kvlist_value.values)
    result: Value = getattr(value, kind)
    return result


def mapping(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """Give a list of pairs as a dict."""
    return {pair.key: plain(pair.value) for pair in pairs}
