"""Decodes an error event from the JSON that Sentry's SDKs send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry.testing.received_events import ReceivedErrorEvent

if TYPE_CHECKING:
    from telemetry.testing.received_events import JSONObject


def error_event(raw: JSONObject) -> ReceivedErrorEvent:
    """Return the event. A missing or malformed part is empty."""
    contexts = _object(raw.get("contexts"))
    trace = _object(contexts.get("trace"))
    return ReceivedErrorEvent(
        event_id=_text(raw.get("event_id")),
        level=_text(raw.get("level")),
        logger=_text(raw.get("logger")),
        message=_message(raw),
        exceptions=tuple(
            (_text(error.get("type")), _text(error.get("value")))
            for error in _objects(raw.get("exception"))
        ),
        transaction=_text(raw.get("transaction")),
        release=_text(raw.get("release")),
        environment=_text(raw.get("environment")),
        tags=_tags(raw.get("tags")),
        trace_id=_text(trace.get("trace_id")),
        span_id=_text(trace.get("span_id")),
        contexts=contexts,
        request=_object(raw.get("request")),
        extra=_object(raw.get("extra")),
        fingerprint=tuple(_text(part) for part in _list(raw.get("fingerprint"))),
        breadcrumbs=tuple(_objects(raw.get("breadcrumbs"))),
        raw=raw,
    )


def _message(raw: JSONObject) -> str | None:
    entry = _object(raw.get("logentry"))
    # `capture_message` sends the message at the top level, logging as an entry.
    for found in (entry.get("formatted"), entry.get("message"), raw.get("message")):
        if found:
            return _text(found)
    return None


def _tags(value: object) -> dict[str, str]:
    """Read both forms of tags: an object, and a list of pairs."""
    if isinstance(value, dict):
        return {key: _text(tag) for key, tag in value.items()}
    pairs = (pair for pair in _list(value) if isinstance(pair, list) and len(pair) == 2)
    return {_text(key): _text(tag) for key, tag in pairs}


def _objects(value: object) -> list[JSONObject]:
    """Read both forms of a repeated interface: `{"values": [...]}`, and the bare list."""
    values = value.get("values") if isinstance(value, dict) else value
    return [item for item in _list(values) if isinstance(item, dict)]


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return "" if value is None else str(value)
