"""Asserts that no private data was sent."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from telemetry.redaction.redactor import Redactor
from telemetry.registry.redaction import MAX_TEXT
from telemetry.settings.model import RedactionSettings
from telemetry.testing.capture import Capture
from telemetry.testing.receiver import OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing.event_receiver import EventReceiver
    from telemetry.testing.received import ReceivedLog, ReceivedPoint, ReceivedSpan

# Names of values where they differ from the field's.
_PLACES = {"name": "", "status_message": "status", "trace_state": "tracestate"}

Place = tuple[str, str, Any]
"""Description of the location, name of the value, and the value."""


def assert_nothing_private(sent: Capture | OTLPReceiver | EventReceiver, *planted: str) -> None:
    """Search everything that was sent for private data.

    Args:
        sent: What was captured or received.
        planted: Values that must not occur: as given, percent-encoded, escaped as in Python, JSON
            or HTML, in hexadecimal or in base64.

    Searches names, keys, scopes, descriptions, resources, trace states and every item of an
    envelope, attachments included.

    Raises:
        AssertionError: Names each location of a planted value, and of data that telemetry's
            rules would redact, such as credentials and e-mail addresses.

    Example:
        >>> from opentelemetry import trace
        >>> from telemetry.testing import OTLPReceiver, assert_nothing_private
        >>> with OTLPReceiver() as receiver:
        ...     settings = telemetry.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        ...     with trace.get_tracer("my-host").start_as_current_span("to ann@example.org"):
        ...         pass
        ...     undelivered = telemetry.flush()
        >>> assert_nothing_private(receiver, "ann@example.org")
    """
    # Others may send longer texts than this layer does by default.
    redactor = Redactor(RedactionSettings(text_length=MAX_TEXT))
    needles = {form: word for word in planted for form in _forms(word)}
    found = []
    for where, name, value in _places(sent):
        found += [
            f"{where}: {word!r} in {name or 'its name'}"
            for form, word in needles.items()
            if form in f"{name}\n{value}"
        ]
        if redactor.value(name, value) != value:
            found.append(f"{where}: {name or 'its name'} would be redacted")
        if redactor.text(name) != name:
            found.append(f"{where}: the name {name!r} would be redacted")
    if found:
        raise AssertionError("something private was sent:\n  " + "\n  ".join(dict.fromkeys(found)))


def _forms(word: str) -> Iterator[str]:
    if not word:
        raise ValueError("an empty word is everywhere: plant one that can be found")
    # A path keeps its slashes, a parameter does not, and a form has a plus for a blank.
    yield from {word, quote(word), quote(word, safe=""), quote_plus(word)}
    yield from {repr(word)[1:-1], repr(word.encode())[2:-1], html.escape(word)}
    yield from {json.dumps(word)[1:-1], json.dumps(json.dumps(word))[3:-3]}
    yield from {word.encode().hex(), word.encode().hex().upper()}
    if "\n" in word:
        # A key in the PEM format: one of its lines is enough.
        yield from (line for line in word.splitlines() if len(line) >= 8 and "-----" not in line)
    # In base64, the number of bytes before a value decides how its bytes are grouped.
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + word.encode()).decode().rstrip("=")
        # Without the digits that share bits with neighbouring bytes.
        inner = encoded[(0, 2, 3)[before] : len(encoded) - 1]
        if len(inner) >= 8:
            yield inner


def _places(sent: Capture | OTLPReceiver | EventReceiver) -> Iterator[Place]:
    if isinstance(sent, Capture):
        # Through the capture, which flushes first.
        yield from _of_telemetry(sent.spans, sent.otlp.metrics, sent.logs)
        yield from _of_events(sent.errors)
    elif isinstance(sent, OTLPReceiver):
        yield from _of_telemetry(sent.spans, sent.metrics, sent.logs)
    else:
        yield from _of_events(sent)


def _of_telemetry(
    spans: list[ReceivedSpan], points: list[ReceivedPoint], logs: list[ReceivedLog]
) -> Iterator[Place]:
    for span in spans:
        yield from _of(f"span {span.name!r}", span)
    for point in points:
        yield from _of(f"metric {point.name}", point)
    for log in logs:
        yield from _of(f"log of {log.scope}", log)


def _of(where: str, received: Any) -> Iterator[Place]:
    """All texts of what was received: a field that is new can't be forgotten."""
    for field in fields(received):
        value = getattr(received, field.name)
        if isinstance(value, Mapping):
            inside = where if field.name == "attributes" else f"{where}, {field.name}"
            yield from ((inside, name, each) for name, each in value.items())
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            for each in value:
                kind = field.name.removesuffix("s")
                name = getattr(each, "name", None)
                yield from _of(f"{where}, {kind}" + ("" if name is None else f" {name!r}"), each)
        elif isinstance(value, str) and value:
            yield where, _PLACES.get(field.name, field.name), value
        elif field.name == "body":
            yield where, "body", value


def _of_events(receiver: EventReceiver) -> Iterator[Place]:
    for event in receiver.events:
        yield from _within(f"event {event.event_id}", event.raw)
    for envelope in receiver.envelopes:
        where = f"envelope {envelope.headers.get('event_id', '')}".rstrip()
        yield from _within(f"{where}, its header", _without_address(envelope.headers))
        for item in envelope.items:
            yield from _within(f"{where}, {item.type}, its header", dict(item.headers))
            if item.type != "event":
                yield from _within(f"{where}, {item.type}", _shown(item.payload))


def _without_address(headers: Mapping[str, Any]) -> dict[str, Any]:
    # The address of the tracker has its key.
    return {name: value for name, value in headers.items() if name != "dsn"}


def _shown(payload: Any) -> Any:
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else payload


def _within(where: str, value: Any) -> Iterator[Place]:
    # Not recursive: the sender decides how deep it is nested.
    waiting = [("", value)]
    while waiting:
        name, found = waiting.pop()
        if isinstance(found, dict):
            waiting += [(str(key), item) for key, item in found.items()]
        elif isinstance(found, list):
            waiting += [(name, item) for item in found]
        else:
            yield where, name, found
