"""Asserts that no private data was sent."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings
from telemetry.testing.capture import Capture
from telemetry.testing.receiver import OTLPReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing.event_receiver import EventReceiver
    from telemetry.testing.received import ReceivedLog, ReceivedPoint, ReceivedSpan

Place = tuple[str, str, Any]
"""Description of the location, name of the value, and the value."""


def assert_nothing_private(sent: Capture | OTLPReceiver | EventReceiver, *planted: str) -> None:
    """Search everything that was sent for private data.

    Args:
        sent: What was captured or received.
        planted: Values that must not occur: as given, percent-encoded or in base64.

    Raises:
        AssertionError: Names each location of a planted value, and of data that telemetry's
            rules would redact, such as credentials and e-mail addresses.
    """
    redactor = Redactor(RedactionSettings())
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
    if found:
        raise AssertionError("something private was sent:\n  " + "\n  ".join(dict.fromkeys(found)))


def _forms(word: str) -> Iterator[str]:
    if not word:
        raise ValueError("an empty word is everywhere: plant one that can be found")
    # A path keeps its slashes, a parameter does not, and a form has a plus for a blank.
    yield from {word, quote(word), quote(word, safe=""), quote_plus(word)}
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
        where = f"span {span.name!r}"
        yield where, "", span.name
        yield where, "status", span.status_message
        yield where, "tracestate", span.trace_state
        yield from _named(where, span.attributes)
        yield from _named(f"{where}, resource", span.resource)
        for event in span.events:
            yield f"{where}, event {event.name!r}", "", event.name
            yield from _named(f"{where}, event {event.name!r}", event.attributes)
        for link in span.links:
            yield from _named(f"{where}, link", link.attributes)
    for point in points:
        yield from _named(f"metric {point.name}", point.attributes)
        yield from _named(f"metric {point.name}, resource", point.resource)
    for log in logs:
        where = f"log of {log.scope}"
        yield where, "body", log.body
        yield from _named(where, log.attributes)
        yield from _named(f"{where}, resource", log.resource)


def _named(where: str, attributes: Any) -> Iterator[Place]:
    for name, value in attributes.items():
        yield where, name, value


def _of_events(receiver: EventReceiver) -> Iterator[Place]:
    for event in receiver.events:
        yield from _within(f"event {event.event_id}", event.raw)


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
