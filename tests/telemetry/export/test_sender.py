"""What becomes of items, whatever a backend over HTTP answers."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from telemetry.export.sender import with_jitter
from telemetry.testing import OTLPReceiver
from tests.support.odd_server import Odd, OddServer, Request, answer
from tests.support.processes import refusing_port
from tests.support.waiting import PATIENCE, wait_until
from tests.telemetry.export.sending import Sending, sending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.export.answers import Answer, Verdict

PROTOBUF = "application/x-protobuf"


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer() as server:
        yield server


@pytest.fixture
def traces(server: OddServer) -> Iterator[Sending]:
    with sending(
        OTEL_EXPORTER_OTLP_ENDPOINT=server.url,
        OTEL_TRACES_EXPORTER="otlp",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_EXPORTER_OTLP_TIMEOUT="30",
    ) as made:
        yield made


def names(request: Request) -> list[str]:
    """Give the names of the spans in a request."""
    message = ExportTraceServiceRequest.FromString(request.body)
    return [
        span.name
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "telemetry"]


def partial(rejected: int, message: str) -> bytes:
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = message
    return response.SerializeToString()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 415, 501, 505])
def test_a_refused_batch_is_dropped_and_counted(
    server: OddServer, traces: Sending, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """It is sent once. One line says why, and one that it is over."""
    reason = Status(message="no such thing").SerializeToString()
    server.reply = lambda _: answer(status, reason, Content_Type=PROTOBUF)
    for name in ("one", "two"):
        traces.span(name)
        assert traces.flush()
    assert [names(request) for request in server.requests] == [["one"], ["two"]]
    found = traces.of("traces")
    assert (found.accepted, found.delivered, found.failed, found.retried) == (2, 0, 2, 0)
    assert found.reasons == {str(status): 2}
    assert found.state == "failing"
    server.reply = lambda _: answer()
    traces.span("three")
    assert traces.flush()
    assert (found.delivered, found.state) == (1, "delivering")
    failing, recovered = messages(caplog)
    assert f"status {status}: no such thing. 1 were dropped" in failing
    assert "1 were sent now, 2 were dropped meanwhile" in recovered


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_a_backend_cannot_take_now_is_kept(
    server: OddServer, traces: Sending, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """And is sent again until it can. One line at the begin, one at the end."""
    server.reply = lambda _: answer(status, b"busy", Content_Type="text/plain")
    traces.span("one")
    traces.attempt(3, server.requests)
    found = traces.of("traces")
    assert (found.delivered, found.failed, found.state) == (0, 0, "failing")
    server.reply = lambda _: answer()
    traces.span("two")
    assert traces.flush()
    assert {tuple(names(request)) for request in server.requests} == {("one",), ("two",)}
    assert (found.accepted, found.delivered, found.failed) == (2, 2, 0)
    assert found.retried == len(server.requests) - 2
    failing, recovered = messages(caplog)
    assert f"status {status}: busy. They are kept and sent again" in failing
    assert "0 were dropped meanwhile" in recovered


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_pause_that_is_asked_for_is_made(server: OddServer, traces: Sending, form: str) -> None:
    """A flush that would end before it gives up at once; one that is longer waits for it."""
    # A date has whole seconds: at most a second of it is lost.
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True)
    pause = "2" if form == "seconds" else date
    server.reply = lambda _: answer(429, Retry_After=pause)
    traces.span("one")
    began = time.monotonic()
    assert not traces.flush(1.0)
    [first] = server.requests
    server.reply = lambda _: answer()
    assert traces.flush(60)
    assert len(server.requests) == 2
    assert server.requests[1].time - first.time >= 1.9
    assert time.monotonic() - began >= 1.9


def test_a_pause_of_a_year_is_not_made(server: OddServer, traces: Sending) -> None:
    """It is cut to five minutes."""
    server.reply = lambda _: answer(503, Retry_After="31536000")
    traces.span("one")
    assert not traces.flush(1.0)
    [sender] = traces.senders
    [delivery] = sender.deliveries
    due = delivery.due(flushing=False)
    assert due is not None
    assert 200 < due - time.monotonic() <= 300


def test_a_batch_that_is_too_large_is_split(server: OddServer, traces: Sending) -> None:
    """Until its parts are accepted; an item that is too large by itself is dropped."""

    def reply(request: Request) -> Odd:
        found = names(request)
        return answer(413 if len(found) > 4 or "large" in found else 200)

    server.reply = reply
    for number in range(20):
        traces.span("large" if number == 7 else str(number))
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed, found.reasons) == (19, 1, {"413": 1})
    accepted = [
        name for each in server.requests for name in names(each) if reply(each) == answer(200)
    ]
    assert sorted(accepted) == sorted(str(number) for number in range(20) if number != 7)


def test_an_item_that_a_backend_fails_at_costs_itself(server: OddServer, traces: Sending) -> None:
    """It answers 500 to each batch with it, for ever; all others arrive, each once."""

    def reply(request: Request) -> Odd:
        return answer(500 if "bad" in names(request) else 200)

    server.reply = reply
    for number in range(40):
        traces.span("bad" if number == 13 else str(number))
    found = traces.of("traces")
    while not traces.flush(0.05):
        pass
    assert (found.delivered, found.failed, found.reasons) == (39, 1, {"500": 1})
    accepted = [
        name for each in server.requests for name in names(each) if "bad" not in names(each)
    ]
    assert sorted(accepted) == sorted(str(number) for number in range(40) if number != 13)


def test_an_outage_with_500_costs_nothing(server: OddServer, traces: Sending) -> None:
    """Nothing is suspected while nothing at all is accepted."""
    server.reply = lambda _: answer(500)
    for number in range(10):
        traces.span(str(number))
    traces.attempt(40, server.requests)
    found = traces.of("traces")
    assert found.failed == 0
    server.reply = lambda _: answer()
    server.requests.clear()
    assert traces.flush()
    accepted = sorted(name for each in server.requests for name in names(each))
    assert accepted == [str(number) for number in range(10)]


def test_an_outage_with_500_costs_a_span_that_is_alone_nothing(
    server: OddServer, traces: Sending
) -> None:
    """It can't be split, and is not suspected while nothing else is accepted."""
    server.reply = lambda _: answer(500)
    traces.span("alone")
    traces.attempt(12, server.requests)
    server.reply = lambda _: answer()
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed) == (1, 0)
    assert {tuple(names(request)) for request in server.requests} == {("alone",)}


@given(st.floats(0.001, 300.0))
def test_a_pause_is_up_to_a_fifth_longer_or_shorter(seconds: float) -> None:
    """Never more, and not the same each time."""
    pauses = [with_jitter(seconds) for _ in range(20)]
    assert min(pauses) >= seconds * 0.8 * (1 - 1e-9)
    assert max(pauses) <= seconds * 1.2 * (1 + 1e-9)
    assert len(set(pauses)) > 1


def test_pauses_are_spread_over_their_range() -> None:
    """So that many processes that lost one backend do not all come back at once."""
    pauses = sorted(with_jitter(10.0) for _ in range(1000))
    # Of a thousand evenly spread ones, each twentieth of the range has at least one.
    assert {int((pause - 8.0) / 0.2) for pause in pauses} >= {*range(20)}


def test_pauses_double_up_to_half_a_minute(server: OddServer, traces: Sending) -> None:
    """A second before the first retry; each is a fifth longer or shorter."""
    server.reply = lambda _: answer(503)
    [sender] = traces.senders
    [delivery] = sender.deliveries
    # Attempts are made by the test, and not by the sender's thread.
    sender.close()
    traces.span("one")
    for seconds in (1, 2, 4, 8, 16, 30, 30):
        before = time.monotonic()
        delivery.attempt()
        due = delivery.due(flushing=False)
        assert due is not None
        assert before + 0.8 * seconds <= due <= time.monotonic() + 1.2 * seconds


PAST = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)


@pytest.mark.parametrize("pause", ["0", "-5", PAST])
def test_a_pause_that_is_none_is_as_long_as_without_it(
    server: OddServer, traces: Sending, pause: str
) -> None:
    """A backend's clock may be slow: it is not asked as fast as it can answer."""
    server.reply = lambda _: answer(429, Retry_After=pause)
    [sender] = traces.senders
    [delivery] = sender.deliveries
    # Attempts are made by the test, and not by the sender's thread.
    sender.close()
    traces.span("one")
    for seconds in (1, 2, 4):
        before = time.monotonic()
        delivery.attempt()
        due = delivery.due(flushing=False)
        assert due is not None
        assert before + 0.8 * seconds <= due <= time.monotonic() + 1.2 * seconds
    # By no order of the backend: a flush need not wait.
    delivery.hurry()
    assert delivery.due(flushing=True) == 0.0


# What a client can't read of an answer whose status is known.
UNREADABLE = {
    "half of a surrogate pair": answer(
        400, b'{"message": "cut here: \\ud83d"}', Content_Type="application/json"
    ),
    "gzip that is none": answer(401, b'{"message": "no"}', Content_Encoding="gzip"),
    "a pause without an end": answer(400, b"no", Retry_After="9" * 400),
    "a body without an end": Odd((b"HTTP/1.1 400 Odd\r\nContent-Length: 10\r\n\r\n",)),
    "a body that is cut": Odd((b"HTTP/1.1 403 Odd\r\nContent-Length: 10\r\n\r\nno",), closes=True),
}


@pytest.mark.parametrize("odd", UNREADABLE.values(), ids=UNREADABLE)
def test_a_status_holds_whatever_follows_it(
    server: OddServer, caplog: pytest.LogCaptureFixture, odd: Odd
) -> None:
    """What is refused is sent once, and does not hold up what comes behind it."""
    server.reply = lambda _: odd if len(server.requests) == 1 else answer()
    with sending(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=server.url, OTEL_EXPORTER_OTLP_TIMEOUT="1"
    ) as traces:
        for name in ("one", "two"):
            traces.span(name)
            assert traces.flush()
        assert [names(request) for request in server.requests] == [["one"], ["two"]]
        found = traces.of("traces")
        assert (found.delivered, found.failed, found.retried) == (1, 1, 0)
    failing, _ = messages(caplog)
    assert "1 were dropped" in failing


def test_a_reason_may_have_half_of_a_surrogate_pair(server: OddServer, traces: Sending) -> None:
    """JavaScript cuts a quoted value there."""
    said = b'{"partialSuccess": {"rejectedSpans": 1, "errorMessage": "cut: \\ud83d"}}'
    server.reply = lambda _: answer(200, said, Content_Type="application/json")
    traces.span("one")
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed, len(server.requests)) == (0, 1, 1)


def test_an_answer_that_can_not_be_judged_costs_one_batch(
    server: OddServer, traces: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    """The next one is sent."""
    [sender] = traces.senders
    [delivery] = sender.deliveries
    known = delivery.endpoint

    def judge(answer: Answer) -> Verdict:
        if len(server.requests) == 1:
            raise LookupError("planted")
        return known.judge(answer)

    delivery.endpoint = dataclasses.replace(known, judge=judge)
    for name in ("one", "two"):
        traces.span(name)
        assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed, len(server.requests)) == (1, 1, 2)
    assert any("the answer can't be read. 1 were dropped" in line for line in messages(caplog))


def test_fewer_than_none_are_not_rejected(server: OddServer, traces: Sending) -> None:
    """A backend may count wrong."""
    server.reply = lambda _: answer(200, partial(-3, "odd"), Content_Type=PROTOBUF)
    traces.span("one")
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed, len(server.requests)) == (1, 0, 1)


# Neither of these is an answer of an OTLP receiver, and none of them heals by itself.
NO_ANSWER = {
    "a web page": answer(200, b"<!doctype html><p>Log in", Content_Type="text/html"),
    "a web page without a type": answer(200, b"\n<html><p>Log in"),
    "garbage": answer(200, b"\xff\xfe garbage", Content_Type=PROTOBUF),
    "text": answer(200, b"thank you", Content_Type="text/plain"),
    "a list": answer(200, b"[1]", Content_Type="application/json"),
    "gzip that is none": answer(200, b"{}", Content_Encoding="gzip", Content_Type=PROTOBUF),
    "JSON as gzip that is none": answer(
        200, b"{}", Content_Encoding="gzip", Content_Type="application/json"
    ),
    "an endless number": answer(
        200, b'{"partialSuccess": {"rejectedSpans": 1e999}}', Content_Type="application/json"
    ),
    "a redirect": answer(302, Location="https://user:secret@login.example/in?token=x"),
    "a permanent redirect": answer(308, Location="/elsewhere"),
}


@pytest.mark.parametrize("odd", NO_ANSWER.values(), ids=NO_ANSWER)
def test_what_is_no_answer_is_no_delivery(
    server: OddServer, traces: Sending, caplog: pytest.LogCaptureFixture, odd: Odd
) -> None:
    """And it is not sent again: whatever answered may have taken it."""
    server.reply = lambda _: odd
    traces.span("one")
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed, len(server.requests)) == (0, 1, 1)
    [line] = messages(caplog)
    assert "secret" not in line
    assert "token" not in line


ACCEPTED = {
    "empty": answer(200),
    "no content": answer(204),
    "accepted": answer(202, Content_Type=PROTOBUF),
    "an empty object": answer(200, b"{}", Content_Type="application/json"),
    "a full success": answer(
        200, b'{"partialSuccess": {}}', Content_Type="application/json; charset=utf-8"
    ),
    "a warning": answer(200, partial(0, "old release"), Content_Type=PROTOBUF),
    "JSON without a type": answer(200, b"{}", Content_Type="text/plain"),
}


@pytest.mark.parametrize("odd", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_an_answer_is_a_delivery(server: OddServer, traces: Sending, odd: Odd) -> None:
    """In every form that receivers use."""
    server.reply = lambda _: odd
    traces.span("one")
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed, len(server.requests)) == (1, 0, 1)


@pytest.mark.parametrize("json_body", [False, True], ids=["protobuf", "JSON"])
def test_what_is_rejected_is_not_delivered(
    server: OddServer, traces: Sending, caplog: pytest.LogCaptureFixture, json_body: bool
) -> None:
    """A partial success: three of ten, and the backend's reason in one line."""
    said = {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}
    odd = (
        answer(200, json.dumps(said).encode(), Content_Type="application/json")
        if json_body
        else answer(200, partial(3, "too old"), Content_Type=PROTOBUF)
    )
    server.reply = lambda _: odd
    for number in range(10):
        traces.span(str(number))
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed, found.reasons) == (7, 3, {"rejected": 3})
    assert any("3 rejected: too old" in line for line in messages(caplog))


@pytest.mark.parametrize("rejected", [2, 5])
def test_a_batch_that_is_rejected_as_a_whole_is_no_delivery(
    server: OddServer, traces: Sending, rejected: int
) -> None:
    """A backend may count wrong: no more is lost than was sent."""
    server.reply = lambda _: answer(200, partial(rejected, "too old"), Content_Type=PROTOBUF)
    for name in ("one", "two"):
        traces.span(name)
    assert traces.flush()
    found = traces.of("traces")
    assert (found.delivered, found.failed, found.reasons) == (0, 2, {"rejected": 2})
    assert (found.state, len(server.requests)) == ("failing", 1)


def test_without_metrics_of_the_sdk_everything_else_is_the_same(server: OddServer) -> None:
    """OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED=false: delivered, refused, and kept."""
    made = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": server.url,
        "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "false",
        "OTEL_BSP_MAX_QUEUE_SIZE": "2",
    }
    with sending(**made) as traces:
        assert not traces.settings.internal_metrics
        found = traces.of("traces")
        traces.span("delivered")
        assert traces.flush()
        server.reply = lambda _: answer(403)
        traces.span("refused")
        assert traces.flush()
        server.reply = lambda _: answer(503)
        traces.span("kept")
        traces.attempt(4, server.requests)
        server.reply = lambda _: answer()
        assert traces.flush()
    assert (found.accepted, found.delivered, found.reasons) == (3, 2, {"403": 1})


# What a server may do that takes it as long as it likes.
STUCK = {
    "cut short": Odd((b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",), closes=True),
    "closed": Odd((), closes=True),
    "no HTTP": Odd((b"SSH-2.0-OpenSSH_9.2\r\n",), closes=True),
    "silent": Odd((b"x",), pause=3600),
    "a byte a moment": Odd(
        tuple(bytes((byte,)) for byte in b"HTTP/1.1 200 OK\r\nA: " + b"a" * 9999), pause=0.05
    ),
    "a body of a byte a moment": Odd(
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
            *(b"{" for _ in range(9999)),
        ),
        pause=0.05,
    ),
    "a body of a byte a moment, then closed": Odd(
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
            *(b"{" for _ in range(9999)),
        ),
        pause=0.05,
    ),
}


@pytest.mark.parametrize("odd", STUCK.values(), ids=STUCK)
def test_a_server_that_is_stuck_is_left(server: OddServer, odd: Odd) -> None:
    """After OTEL_EXPORTER_OTLP_TIMEOUT as a whole, and the spans are sent again."""
    server.reply = lambda _: odd
    with sending(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=server.url, OTEL_EXPORTER_OTLP_TIMEOUT="0.5"
    ) as traces:
        traces.span("one")
        # The second request is the proof that the first one was left.
        traces.attempt(2, server.requests)
        found = traces.of("traces")
        assert (found.delivered, found.failed) == (0, 0)
        server.reply = lambda _: answer()
        assert traces.flush()
        assert found.delivered == 1


def test_without_tls_where_it_is_wanted(
    server: OddServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An https:// address of a server that speaks HTTP: kept, and said in words."""
    url = server.url.replace("http:", "https:")
    with sending(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=url) as traces:
        traces.span("one")
        assert not traces.flush(1.0)
        assert traces.of("traces").failed == 0
    [line] = messages(caplog)
    assert "TLS handshake failed" in line


def test_a_port_that_refuses(caplog: pytest.LogCaptureFixture) -> None:
    """A port that refuses: kept, and one line however often it is tried."""
    with sending(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"http://127.0.0.1:{refusing_port()}/v1/traces"
    ) as traces:
        traces.span("one")
        for _ in range(5):
            assert not traces.flush(0.2)
        found = traces.of("traces")
        assert found.retried >= 2
        assert (found.delivered, found.failed) == (0, 0)
    [line] = messages(caplog)
    assert "connection refused" in line


def test_a_connection_is_used_again(server: OddServer, traces: Sending) -> None:
    """And one that the server has closed meanwhile is no failure."""
    server.reply = lambda _: Odd(answer().chunks, closes=True)
    for name in ("one", "two", "three"):
        traces.span(name)
        assert traces.flush()
    assert traces.of("traces").delivered == 3
    assert traces.of("traces").retried == 0


def test_a_connection_that_ends_with_a_request_is_opened_again_at_once(
    server: OddServer, traces: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    """A server closes a connection that was not in use just when the next request comes."""
    closed = Odd((), closes=True)
    server.reply = lambda _: closed if len(server.requests) == 2 else answer()
    for name in ("one", "two"):
        traces.span(name)
        assert traces.flush()
    assert [names(request) for request in server.requests] == [["one"], ["two"], ["two"]]
    found = traces.of("traces")
    assert (found.delivered, found.failed, found.retried) == (2, 0, 0)
    assert messages(caplog) == []


def test_an_answer_of_any_length_is_an_answer(
    server: OddServer, traces: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read up to a limit, and the next request arrives."""
    server.reply = lambda _: answer(400, b"no " * 100_000, Content_Type="text/plain")
    traces.span("one")
    assert traces.flush()
    server.reply = lambda _: answer()
    traces.span("two")
    assert traces.flush()
    assert [names(request) for request in server.requests] == [["one"], ["two"]]
    assert traces.of("traces").reasons == {"400": 1}
    assert max(map(len, messages(caplog))) < 500


def test_an_attempt_without_an_item_sends_nothing(server: OddServer, traces: Sending) -> None:
    """A full queue may have dropped the items for which the sender was woken."""
    [sender] = traces.senders
    sender.deliveries[0].attempt()
    assert server.requests == []
    assert traces.of("traces").retried == 0


def test_what_is_sent_is_never_the_hosts_own_telemetry(
    server: OddServer, traces: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither urllib3 nor requests logs or measures within an export."""
    from opentelemetry.instrumentation.utils import is_instrumentation_enabled

    enabled: list[bool] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            enabled.append(is_instrumentation_enabled())

    handler = Handler()
    logger = logging.getLogger("urllib3")
    logger.addHandler(handler)
    caplog.set_level(logging.DEBUG, "urllib3")
    try:
        traces.span("one")
        assert traces.flush()
    finally:
        logger.removeHandler(handler)
    assert enabled
    assert not any(enabled)


def test_signals_of_one_address_share_a_thread_and_wait_for_no_other() -> None:
    """Traces whose backend is away keep neither the logs nor the metrics of another."""
    with OTLPReceiver() as receiver:
        made: dict[str, Any] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{refusing_port()}",
        }
        with sending(**made) as all_three:
            assert len(all_three.senders) == 2
            all_three.span("one")
            all_three.log("two")
            all_three.meter.create_counter("three").add(1)
            assert not all_three.flush(1.0)
            assert [record.body for record in receiver.logs] == ["two"]
            assert "three" in {point.name for point in receiver.metrics}


@pytest.mark.parametrize("temporality", ["delta", "cumulative"])
def test_metrics_of_an_outage_add_up(temporality: str) -> None:
    """Delta ones are all kept. Of cumulative ones the last is enough, and is all that is sent."""
    with OTLPReceiver() as receiver:
        made = {
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{receiver.url}/v1/metrics",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": temporality,
        }
        with sending(**made) as metrics:
            receiver.answer(503)
            counter = metrics.meter.create_counter("done")
            for number in range(1, 5):
                counter.add(number)
                assert not metrics.flush(0.2)
            receiver.answer(200)
            assert metrics.flush()
            values = [point.value for point in receiver.metrics if point.name == "done"]
            if temporality == "delta":
                assert set(values) == {1, 2, 3, 4}
                assert len(values) == 4
            else:
                # The first is being sent already when the second is collected.
                assert values == [1, 10] or values == [10, 1] or values == [10]
            assert metrics.of("metrics").failed == 0


def test_a_sender_that_is_closed_ends(server: OddServer, traces: Sending) -> None:
    """Its thread and its connections, also while it waits to try again."""
    server.reply = lambda _: answer(503)
    traces.span("one")
    traces.attempt(1, server.requests)
    [sender] = traces.senders
    thread = sender._thread
    assert thread is not None
    sender.close()
    thread.join(30)
    assert not thread.is_alive()
    traces.span("two")
    assert sender._thread is thread


def test_after_the_end_nothing_is_sent_by_itself(server: OddServer) -> None:
    """A server's last log lines come after its last flush: sent or not, it must not vary."""
    made = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": server.url, "OTEL_BSP_SCHEDULE_DELAY": "1"}
    with sending(**made) as traces:
        traces.span("one")
        assert traces.flush()
        [sender] = traces.senders
        sender.rest(3600)
        traces.span("two")
        traces.span("three")
        # Not even those that the sender was woken for, although the flush had time left.
        [delivery] = sender.deliveries
        assert sender._most_urgent()[1] > time.monotonic() + 3000
        assert delivery.outbox.waiting == 2
        assert not server.requests[1:]
        assert traces.flush()
    assert [names(request) for request in server.requests] == [["one"], ["two", "three"]]


def test_a_flush_waits_for_what_replaces_the_metrics_that_it_waits_for(server: OddServer) -> None:
    """A stop would end before the last values are sent, and the process with it."""
    gates = [threading.Event() for _ in range(2)]

    def reply(_: Request) -> Odd:
        gates[len(server.requests) - 1].wait(PATIENCE)
        return answer()

    server.reply = reply
    with sending(
        OTEL_EXPORTER_OTLP_ENDPOINT=server.url,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="otlp",
        OTEL_LOGS_EXPORTER="none",
        OTEL_EXPORTER_OTLP_TIMEOUT="100",
    ) as made:
        counter = made.meter.create_counter("counted")
        [reader], [sender] = made.readers, made.senders
        box = made.known["metrics"][0].outbox
        assert box is not None
        counter.add(1)
        reader.force_flush()
        sender.hurry(time.monotonic() + PATIENCE)
        wait_until(lambda: server.requests)
        # One is being sent, one waits, and a flush waits for both.
        counter.add(1)
        reader.force_flush()
        waits, settled = threading.Event(), []
        hurry = sender.hurry

        def hurry_noted(deadline: float) -> None:
            hurry(deadline)
            waits.set()

        def flush() -> None:
            sender.flush(time.monotonic() + PATIENCE)
            settled.append((box.settled, box.accepted))

        sender.hurry = hurry_noted  # type: ignore[method-assign]
        flushing = threading.Thread(target=flush)
        flushing.start()
        assert waits.wait(PATIENCE)
        counter.add(1)
        reader.force_flush()
        gates[0].set()
        wait_until(lambda: len(server.requests) == 2 or not flushing.is_alive())
        # Until the second request is answered, what waits for it does not end.
        flushing.join(0.2)
        gates[1].set()
        flushing.join(PATIENCE)
        assert settled == [(3, 3)]
        assert len(server.requests) == 2
