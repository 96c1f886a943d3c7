"""An error tracker that refuses, fails or dawdles, as Sentry's SDK meets it."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from telemetry.testing import EventReceiver
from tests.support import web
from tests.telemetry.testing.sentry_senders import lines, post, raise_and_capture, scope_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATH = "/api/1/envelope/"
EVENT = lines({}, {"type": "event"}, {"message": "hello"})
LIMIT = 20 * 1024 * 1024


def test_a_failing_backend_is_seen_but_keeps_nothing(errors: EventReceiver) -> None:
    """The SDK does not try again; `answer(200)` mends it."""
    errors.answer(500, message="no thanks")
    with scope_to(errors) as scope:
        raise_and_capture(scope)
        errors.wait_for(lambda r: r.requests)
        errors.answer(200)
        scope.capture_message("kept")
    assert [request.status for request in errors.requests] == [500, 200]
    assert [event.message for event in errors.events] == ["kept"]
    assert len(errors.envelopes) == 1


def test_what_was_refused_is_still_counted_by_its_type(errors: EventReceiver) -> None:
    """Otherwise trouble would hide what must never be sent."""
    errors.answer(500)
    post(errors, lines({}, {"type": "transaction"}, {}))
    assert errors.item_types == {"transaction": 1}
    assert errors.envelopes == []


def test_a_limited_sdk_falls_silent(errors: EventReceiver) -> None:
    """After 429 it drops events by itself for as long as Retry-After says."""
    errors.answer(429, headers={"Retry-After": "60"})
    with scope_to(errors) as scope:
        scope.capture_message("first")
        errors.wait_for(lambda r: r.requests)
        errors.answer(200)
        scope.get_client().flush(timeout=60)
        scope.capture_message("second")
    assert [request.status for request in errors.requests] == [429]
    assert errors.events == []


def test_headers_and_reason_are_in_the_answer(errors: EventReceiver) -> None:
    """As Sentry puts them: `detail` in JSON."""
    errors.answer(429, headers={"Retry-After": "7"}, message="quota")
    reply = post(errors, EVENT)
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, "7")
    assert reply.headers["Content-Type"] == "application/json"
    assert json.loads(reply.content) == {"detail": "quota"}
    errors.answer(200)
    assert "Retry-After" not in post(errors, EVENT).headers


def test_a_slow_backend_answers_late(errors: EventReceiver) -> None:
    """The sender waits for `delay`, while what it sent is already visible."""
    errors.answer(200, delay=0.4)
    began = time.monotonic()
    post(errors, EVENT)
    assert time.monotonic() - began >= 0.4
    errors.clear()
    errors.answer(200, delay=600)
    outcomes: list[object] = []

    def send() -> None:
        try:
            outcomes.append(post(errors, EVENT))
        except httpx.HTTPError as error:
            outcomes.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    errors.wait_for(lambda r: r.events)
    assert outcomes == []
    errors.close()
    sender.join()
    assert len(outcomes) == 1


def test_a_closed_receiver_leaves_nothing_behind() -> None:
    """No thread is left, not even for a keep-alive connection or a slow answer."""
    before = threading.active_count()
    with EventReceiver() as errors, web.client(base_url=errors.url) as client:
        client.post(PATH, content=EVENT)
        errors.answer(200, delay=600)
        failures: list[Exception] = []

        def give_up() -> None:
            try:
                post(errors, EVENT)
            except httpx.HTTPError as error:
                failures.append(error)

        slow = threading.Thread(target=give_up)
        slow.start()
        errors.wait_for(lambda r: len(r.requests) == 2)
        errors.close()
        slow.join()
        assert threading.active_count() == before


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "reason"),
    [
        (PATH, {"Content-Encoding": "br"}, b"", 415, "br is not read here"),
        (PATH, {"Content-Encoding": "zstd"}, b"", 415, "zstd is not read here"),
        (PATH, {"Content-Encoding": "gzip"}, b"not gzip", 400, "not gzip"),
        (PATH, {"Content-Encoding": "gzip"}, gzip.compress(EVENT)[:-9], 400, "not gzip"),
        (PATH, {}, lambda: b"a" * (LIMIT + 1), 413, f"more than {LIMIT} bytes"),
        (
            PATH,
            {"Content-Encoding": "gzip"},
            lambda: gzip.compress(b"a" * (LIMIT + 1), 1),
            413,
            f"more than {LIMIT} bytes",
        ),
        ("/api/1/store/", {}, EVENT, 404, "/api/1/store/"),
        ("/api/1/integration/otlp/v1/traces", {}, b"", 404, "otlp"),
        ("/api/a/b/envelope/", {}, EVENT, 404, "/api/a/b/envelope/"),
        ("/api/1/envelope/more", {}, EVENT, 404, "/api/1/envelope/more"),
    ],
    ids=["br", "zstd", "gzip", "cut", "large", "bomb", "store", "otlp", "project", "more"],
)
def test_what_cannot_be_read_is_refused_with_the_reason(
    errors: EventReceiver,
    path: str,
    headers: Mapping[str, str],
    body: bytes | Callable[[], bytes],
    status: int,
    reason: str,
) -> None:
    """Recorded as a request; the connection stays usable."""
    # Large ones are made here, and not in each process that collects the tests.
    body = body if isinstance(body, bytes) else body()
    # As urllib3, and so the SDK: all is sent before the answer is looked at.
    connection = http.client.HTTPConnection("127.0.0.1", errors.port, timeout=60)
    try:
        connection.request("POST", path, body, dict(headers))
        socket = connection.sock
        reply = connection.getresponse()
        assert reply.status == status
        assert reason in json.loads(reply.read())["detail"]
        connection.request("POST", PATH, EVENT)
        assert connection.getresponse().read() == b"{}"
        assert connection.sock is socket
    finally:
        connection.close()
    first, second = errors.requests
    assert (first.path, first.status, first.size) == (path, status, len(body))
    assert (second.path, second.status) == (PATH, 200)
    assert len(errors.envelopes) == 1


def test_what_is_no_envelope_is_refused_at_once_whatever_the_answer(errors: EventReceiver) -> None:
    """A sender's own mistake is not hidden by a backend in trouble."""
    errors.answer(503, delay=60)
    assert post(errors, b"hello").status_code == 400


def test_the_limit_itself_is_taken(errors: EventReceiver) -> None:
    """Both as it comes over the wire and unpacked."""
    head = lines({}, {"type": "attachment"})
    body = head + b"a" * (LIMIT - len(head))
    assert post(errors, body).status_code == 200
    assert post(errors, body, zipped=True).status_code == 200
    assert [request.decoded_size for request in errors.requests] == [LIMIT, LIMIT]


@pytest.mark.parametrize("path", [PATH, "/elsewhere"])
@pytest.mark.parametrize("length", [None, "", "-1", "many", "9" * 19])
def test_a_body_without_a_length_ends_the_connection(
    errors: EventReceiver, length: str | None, path: str
) -> None:
    """Where such a body ends can't be known, so nothing after it can be read."""
    connection = http.client.HTTPConnection("127.0.0.1", errors.port, timeout=60)
    try:
        connection.putrequest("POST", path)
        if length is not None:
            connection.putheader("Content-Length", length)
        connection.endheaders()
        reply = connection.getresponse()
        assert (reply.status, json.loads(reply.read())) == (411, {"detail": "no Content-Length"})
        assert reply.will_close
    finally:
        connection.close()
    assert [request.status for request in errors.requests] == [411]


def test_the_query_is_no_part_of_the_path(errors: EventReceiver) -> None:
    """An SDK may put its key there, and any project is taken."""
    url = f"{errors.url}/api/42/envelope/?sentry_key=abc"
    assert web.post(url, content=EVENT).status_code == 200
    assert [request.path for request in errors.requests] == ["/api/42/envelope/"]
