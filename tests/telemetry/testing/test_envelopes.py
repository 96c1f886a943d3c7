"""Envelopes written by hand, in every shape that the specification allows and forbids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.telemetry.testing.sentry_senders import lines, post

if TYPE_CHECKING:
    from telemetry.testing import EventReceiver

EVENT = {"message": "hello"}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("last", [b"\n", b""], ids=["newline", "end"])
def test_items_with_and_without_length(errors: EventReceiver, last: bytes, zipped: bool) -> None:
    """With one, newlines are the payload's own; without, the line's end is its end."""
    body = lines(
        {"event_id": "ab", "sdk": {"name": "by hand"}},
        {"type": "attachment", "length": 10, "filename": "hello.txt"},
        b"one\ntwo\r\n\xff",
        {"type": "event"},
        EVENT,
        {"type": "session", "length": 13},
        b'{"errors": 1}',
        {"type": "attachment"},
        b"hello\r",
    )
    assert post(errors, body.removesuffix(b"\n") + last, zipped=zipped).status_code == 200
    [envelope] = errors.envelopes
    assert envelope.headers == {"event_id": "ab", "sdk": {"name": "by hand"}}
    assert [(item.type, item.payload) for item in envelope.items] == [
        ("attachment", b"one\ntwo\r\n\xff"),
        ("event", EVENT),
        ("session", {"errors": 1}),
        ("attachment", b"hello\r"),
    ]
    assert envelope.items[0].headers["filename"] == "hello.txt"
    assert errors.item_types == {"attachment": 2, "event": 1, "session": 1}
    assert [event.message for event in errors.events] == ["hello"]


@pytest.mark.parametrize(
    ("body", "payloads"),
    [
        (b"{}", []),
        (b"{}\n", []),
        (b'{}\n{"type":"a","length":0}\n\n{"type":"a","length":0}\n\n', [b"", b""]),
        (b'{}\n{"type":"a","length":0}\n\n{"type":"a","length":0}\n', [b"", b""]),
        (b'{}\n{"type":"a"}\n\n{"type":"a"}\n', [b"", b""]),
        (b'{}\n{"type":"a"}\nnull\n', [None]),
        (b'{}\n{"type":"a"}\n' + b"[" * 100_000, [b"[" * 100_000]),
    ],
    ids=["header", "line", "empty", "empty-end", "no-length", "null", "deep"],
)
def test_what_is_small_or_odd_and_still_an_envelope(
    errors: EventReceiver, body: bytes, payloads: list[object]
) -> None:
    """Empty envelopes and empty items are allowed, and JSON's null is a value."""
    assert post(errors, body).status_code == 200
    [envelope] = errors.envelopes
    assert [item.payload for item in envelope.items] == payloads


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the envelope's header is no JSON object"),
        (b"[]\n", "the envelope's header is no JSON object"),
        (b'\xff{"a":1}\n', "the envelope's header is no JSON object"),
        ("{}".encode("utf-16-le"), "the envelope's header is no JSON object"),
        (lines({}, b"hello"), "the header of item 0 is no JSON object"),
        (lines({}, {"type": "event"}, EVENT, b""), "the header of item 1 is no JSON object"),
        (lines({}, {"length": 2}, {}), "item 0 has no type"),
        (lines({}, {"type": None}, {}), "item 0 has no type"),
        (b'{}\n{"type":"session"}', "item 0 has no payload"),
        (lines({}, {"type": "a", "length": 9}, b"short"), "item 0 ends after 6 of 9 bytes"),
        (lines({}, {"type": "a", "length": 3}, b"long"), "item 0 goes on after its 3 bytes"),
        (lines({}, {"type": "a", "length": -1}, b""), "length -1, wanted a number of bytes"),
        (lines({}, {"type": "a", "length": "2"}, b"{}"), "length '2', wanted a number of bytes"),
        (lines({}, {"type": "a", "length": True}, b"a"), "length True, wanted a number of bytes"),
        (lines({}, {"type": "event"}, b"hello"), "item 0 is an event and no JSON object"),
        (lines({}, {"type": "event"}, [EVENT]), "item 0 is an event and no JSON object"),
    ],
)
def test_what_is_malformed_is_refused_with_the_reason(
    errors: EventReceiver, body: bytes, reason: str
) -> None:
    """400, recorded as a request; of the items before the mistake nothing is kept."""
    reply = post(errors, body)
    assert reply.status_code == 400
    assert reason in json.loads(reply.content)["detail"]
    assert [request.status for request in errors.requests] == [400]
    assert (errors.envelopes, errors.events) == ([], [])
    assert not errors.item_types


def test_an_event_that_says_nothing_is_empty(errors: EventReceiver) -> None:
    """Every attribute has a value of its type, so that a test compares and never crashes."""
    post(errors, lines({}, {"type": "event"}, {}))
    [event] = errors.events
    texts = ("event_id", "level", "logger", "transaction", "release", "environment")
    assert {getattr(event, name) for name in texts} == {""}
    assert (event.trace_id, event.span_id, event.message) == ("", "", None)
    assert (event.exceptions, event.fingerprint, event.breadcrumbs) == ((), (), ())
    assert (event.tags, event.contexts, event.request, event.extra) == ({}, {}, {}, {})
    assert event.raw == {}


@pytest.mark.parametrize("odd", [None, 1, "text", [], [1, None, 2], {}, {"values": 1}])
def test_an_event_of_the_wrong_shapes_is_kept(errors: EventReceiver, odd: object) -> None:
    """What can't be read as what it should be is left out; `raw` has it."""
    names = (
        "exception",
        "breadcrumbs",
        "contexts",
        "request",
        "extra",
        "fingerprint",
        "logentry",
        "level",
    )
    sent = dict.fromkeys(names, odd) | {"tags": [odd, ["a", 1]], "contexts": {"trace": odd}}
    assert post(errors, lines({}, {"type": "event"}, sent)).status_code == 200
    [event] = errors.events
    assert event.raw == sent
    assert (event.exceptions, event.breadcrumbs, event.trace_id) == ((), (), "")
    assert event.tags == {"a": "1"}


def test_the_protocols_older_shapes_are_read(errors: EventReceiver) -> None:
    """Bare lists, tags in pairs, a message without its formatted form."""
    sent = {
        "exception": [{"type": "A", "value": "1"}, {"type": "B"}],
        "breadcrumbs": [{"message": "crumb"}],
        "tags": [["site", "alameda.ca"]],
        "logentry": {"message": "template %s"},
    }
    post(errors, lines({}, {"type": "event"}, sent))
    [event] = errors.events
    assert event.exceptions == (("A", "1"), ("B", ""))
    assert event.breadcrumbs == ({"message": "crumb"},)
    assert (event.tags, event.message) == ({"site": "alameda.ca"}, "template %s")
