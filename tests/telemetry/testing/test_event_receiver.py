"""The event receiver against the SDK that it has to stand in front of."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sentry_sdk
from sentry_sdk.integrations.logging import EventHandler

from telemetry.testing import EventReceiver
from tests.support import web
from tests.support.processes import free_port
from tests.telemetry.testing.sentry_senders import lines, post, raise_and_capture, scope_to

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint


def test_an_exception_arrives_whole(errors: EventReceiver) -> None:
    """Everything that an event can say is an attribute, the cause before the error."""

    def with_request(event: Event, _hint: Hint) -> Event:
        event["request"] = {"url": "http://alameda.test/", "headers": {"X-Kind": "test"}}
        return event

    with scope_to(errors, before_send=with_request) as scope:
        scope.set_tag("site", "alameda.ca")
        scope.set_extra("rows", [1, 2])
        scope.set_context("room", {"name": "attic"})
        scope.set_transaction_name("/{database}")
        scope.fingerprint = ["{{ default }}", "alameda"]
        scope.add_breadcrumb(category="sql", message="select 1")
        event_id = raise_and_capture(scope)
        trace = scope.get_trace_context()
    [event] = errors.events
    assert event.event_id == event_id
    assert (event.level, event.logger, event.message) == ("error", "", None)
    assert event.exceptions == (("KeyError", "'cause'"), ("ValueError", "boom"))
    assert event.transaction == "/{database}"
    assert (event.release, event.environment) == ("1.2.3", "attic")
    assert event.tags == {"site": "alameda.ca"}
    assert (event.trace_id, event.span_id) == (trace["trace_id"], trace["span_id"])
    assert event.contexts["room"] == {"name": "attic"}
    assert event.request["headers"] == {"X-Kind": "test"}
    assert event.extra["rows"] == [1, 2]
    assert event.fingerprint == ("{{ default }}", "alameda")
    assert [crumb["message"] for crumb in event.breadcrumbs] == ["select 1"]
    assert event.raw["platform"] == "python"


def test_a_log_record_arrives_formatted(errors: EventReceiver) -> None:
    """The message is what a reader of the log would see; the template is in `raw`."""
    with scope_to(errors):
        record = logging.makeLogRecord(
            {
                "name": "corkboard.pool",
                "levelno": logging.WARNING,
                "levelname": "WARNING",
                "msg": "%d open",
                "args": (7,),
            }
        )
        EventHandler().handle(record)
    [event] = errors.events
    assert (event.level, event.logger, event.message) == ("warning", "corkboard.pool", "7 open")
    assert event.raw["logentry"]["message"] == "%d open"
    assert event.exceptions == ()


def test_a_captured_message_arrives(errors: EventReceiver) -> None:
    """It travels in another field than a log record's."""
    with scope_to(errors) as scope:
        scope.capture_message("hello")
    [event] = errors.events
    assert (event.level, event.message) == ("info", "hello")


@pytest.mark.parametrize(
    ("experiments", "encoding"),
    [({}, "gzip"), ({"transport_compression_level": 0}, "none")],
    ids=["default", "plain"],
)
def test_both_encodings_of_the_sdk_are_read(
    errors: EventReceiver, experiments: dict[str, Any], encoding: str
) -> None:
    """Requests tell wire size from decoded size, and who sent by the headers."""
    with scope_to(errors, _experiments=experiments) as scope:
        scope.capture_message("a" * 900)
    [request] = errors.requests
    [event] = errors.events
    assert event.message == "a" * 900
    assert (request.path, request.status) == ("/api/1/envelope/", 200)
    assert request.headers.get("content-encoding", "none") == encoding
    assert f"sentry_key={'c0' * 16}" in request.headers["x-sentry-auth"]
    assert (request.size < request.decoded_size) is (encoding == "gzip")
    assert request.decoded_size > 900


def test_the_dsn_is_the_address_with_key_and_project(errors: EventReceiver) -> None:
    """A literal, since Sentry's and Bugsink's DSNs look like that."""
    assert errors.url == f"http://127.0.0.1:{errors.port}"
    assert errors.dsn == f"http://{'c0' * 16}@127.0.0.1:{errors.port}/1"


def test_an_envelope_keeps_its_headers_and_items(errors: EventReceiver) -> None:
    """Events are the convenience; everything else can be read from the envelopes."""
    with scope_to(errors) as scope:
        scope.add_attachment(bytes=b"\xff\n\x00", filename="core")
        event_id = raise_and_capture(scope)
    [envelope] = errors.envelopes
    assert envelope.headers["event_id"] == event_id
    event, attachment = envelope.items
    assert (event.type, event.payload["event_id"]) == ("event", event_id)
    assert (attachment.type, attachment.payload) == ("attachment", b"\xff\n\x00")
    assert attachment.headers["filename"] == "core"
    assert errors.item_types == {"event": 1, "attachment": 1}


def test_what_is_no_event_is_seen_by_its_type(errors: EventReceiver) -> None:
    """A test can say that nothing but events was ever sent, and be wrong."""
    with scope_to(
        errors,
        traces_sample_rate=1.0,
        send_client_reports=True,
        before_send=lambda _event, _hint: None,
    ) as scope:
        scope.start_transaction(name="/").finish()
        scope.capture_message("dropped, and reported as dropped")
    errors.wait_for(lambda r: r.item_types["client_report"])
    assert set(errors.item_types) == {"transaction", "client_report"}
    assert errors.events == []


def test_waiting_ends_at_arrival_and_gives_the_predicates_value(errors: EventReceiver) -> None:
    """No polling interval is felt, and the result needs no second look."""
    waits: list[float] = []
    # Each may be late on a busy machine; polling would make every one 0.25 s.
    while len(waits) < 100 and (not waits or min(waits) >= 0.24):
        n = len(waits)
        body = lines({}, {"type": "event"}, {"message": f"soon {n}"})
        timer = threading.Timer(0.02, post, args=(errors, body))
        timer.start()
        began = time.monotonic()
        [event] = errors.wait_for(lambda r: r.events)
        waits.append(time.monotonic() - began)
        timer.join()
        assert event.message == f"soon {n}"
        errors.clear()
    assert min(waits) < 0.24


def test_waiting_in_vain_says_what_arrived(errors: EventReceiver) -> None:
    """The failure message lists everything, equal things counted."""
    with pytest.raises(AssertionError, match=r"not within 0\.05 s; nothing arrived"):
        errors.wait_for(lambda r: r.events, timeout=0.05)
    with scope_to(errors) as scope:
        raise_and_capture(scope)
        raise_and_capture(scope)
        scope.capture_message("hello")
    with pytest.raises(AssertionError) as failure:
        errors.wait_for(lambda r: r.item_types["session"], timeout=0.05)
    message = str(failure.value)
    assert "3 x request /api/1/envelope/ answered 200" in message
    assert "3 x item event" in message
    assert "2 x event error (('KeyError', \"'cause'\"), ('ValueError', 'boom'))" in message
    assert "1 x event info hello" in message


def test_what_was_read_stays_as_it_was(errors: EventReceiver) -> None:
    """A look is a copy: the next arrival doesn't change what a test holds."""
    body = lines({}, {"type": "event"}, {})
    post(errors, body)
    seen = (errors.requests, errors.envelopes, errors.events, errors.item_types)
    post(errors, body)
    assert [len(part) for part in seen] == [1, 1, 1, 1]
    assert seen[3].total() == 1


def test_clear_forgets(errors: EventReceiver) -> None:
    """Everything that arrived is gone; how to answer is not."""
    post(errors, lines({}, {"type": "event"}, {}))
    errors.answer(503)
    errors.clear()
    assert (errors.requests, errors.envelopes, errors.events) == ([], [], [])
    assert not errors.item_types
    assert post(errors, lines({})).status_code == 503


def test_a_backend_can_come_back_on_its_port() -> None:
    """Closed and started again it listens where it did, and keeps what it had."""
    receiver = EventReceiver(free_port())
    with receiver:
        dsn = receiver.dsn
        post(receiver, lines({}))
    with pytest.raises(httpx.ConnectError):
        post(receiver, lines({}))
    with receiver:
        assert receiver.dsn == dsn
        post(receiver, lines({}))
        with pytest.raises(RuntimeError, match="already listening"):
            receiver.start()
        # Closing ends slow answers; that is over, too.
        receiver.answer(200, delay=0.2)
        began = time.monotonic()
        post(receiver, lines({}))
        assert time.monotonic() - began >= 0.2
    assert len(receiver.envelopes) == 3


def test_many_senders_at_once(errors: EventReceiver) -> None:
    """Nothing is lost or counted twice while somebody looks."""

    def send(sender: int) -> None:
        with web.client(base_url=errors.url) as client:
            for n in range(10):
                body = lines({}, {"type": "event"}, {"event_id": f"{sender}-{n}"})
                client.post(
                    "/api/1/envelope/",
                    content=gzip.compress(body),
                    headers={"Content-Encoding": "gzip"},
                )

    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    errors.wait_for(lambda r: len(r.events) == 80)
    for thread in threads:
        thread.join()
    assert len({event.event_id for event in errors.events}) == 80
    assert errors.item_types == {"event": 80}


def test_the_senders_touch_nothing_global(errors: EventReceiver) -> None:
    """Else one test's errors would arrive at another's receiver."""
    with scope_to(errors):
        assert sentry_sdk.get_client().is_active()
    assert not sentry_sdk.get_client().is_active()


def test_the_answer_names_the_event(errors: EventReceiver) -> None:
    """As Sentry's does; an envelope without an event has no name."""
    assert json.loads(post(errors, lines({"event_id": "ab"})).content) == {"id": "ab"}
    assert json.loads(post(errors, lines({})).content) == {}
