"""Envelopes of telemetry's own client: queued, sent, sent again, and counted."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import sentry_sdk
from sentry_sdk.attachments import Attachment
from sentry_sdk.envelope import Envelope
from sentry_sdk.utils import Dsn

from telemetry import failsafe
from telemetry.errors.sentry.envelopes import (
    MAX_EVENTS,
    envelope_url,
    event_destination,
    pause,
    shorten,
)
from telemetry.errors.sentry.transport import OutboxTransport, item_of
from telemetry.export.catalog import senders
from telemetry.redaction.redactor import Redactor
from telemetry.settings import read_settings
from telemetry.settings.model import RedactionSettings
from telemetry.state import state
from telemetry.testing import EventReceiver
from tests.support.certificates import make_certificates, wanting_clients
from tests.support.odd_server import OddServer, answer
from tests.support.processes import HOST, free_port
from tests.support.waiting import PATIENCE
from tests.telemetry.errors.sentry.programs import printed, run_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry.export.outbox import Outbox
    from telemetry.export.sender import Sender
    from telemetry.export.statistics import ExportStatistics
    from tests.support.odd_server import Odd, Request

JSON = "application/json"
ACCEPTED = answer(200, b'{"id": "c0"}', Content_Type=JSON)


class Own(NamedTuple):
    """A client of Sentry's SDK with the transport, and its sender."""

    client: sentry_sdk.Client
    sender: Sender
    outbox: Outbox
    statistics: ExportStatistics

    def capture(self, text: str) -> None:
        self.client.capture_event({"message": text})

    def settle(self) -> None:
        """Wait until nothing is queued or being sent."""
        assert self.sender.flush(time.monotonic() + PATIENCE)

    def wait_for_problem(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.statistics.state != "failing":
            assert time.monotonic() < deadline
            time.sleep(0.01)


@contextmanager
def own_client(dsn: str, **environ: str) -> Iterator[Own]:
    destination = event_destination(read_settings({"SENTRY_DSN": dsn, **environ}))
    assert destination is not None
    assert destination.outbox is not None
    [sender] = senders(read_settings({}), [destination])
    client = sentry_sdk.Client(
        dsn=dsn,
        transport=OutboxTransport(dsn, sender, Redactor(RedactionSettings())),
        default_integrations=False,
        auto_session_tracking=False,
        send_client_reports=False,
    )
    yield Own(client, sender, destination.outbox, destination.statistics)
    sender.close()


def dsn_of(server: OddServer) -> str:
    return f"{server.url.replace('//', '//key@')}/7"


@pytest.mark.parametrize(
    "dsn",
    [
        "https://key@errors.example/3",
        "http://key:secret@errors.example:8000/3",
        "https://key@errors.example:443/under/a/path/3",
    ],
)
def test_the_address_is_the_one_that_the_sdk_uses(dsn: str) -> None:
    """Without the SDK, which is not imported where it is needed."""
    expected = Dsn(dsn).to_auth().get_api_url()
    assert envelope_url(dsn).replace(":443/", "/") == expected


def test_a_request_is_what_the_sdk_sends() -> None:
    """Its headers, and an envelope with the time at which it is sent."""
    with OddServer(lambda _: ACCEPTED) as server, own_client(dsn_of(server)) as own:
        own.capture("boom")
        own.settle()
        [request] = server.requests
    assert request.line == "POST /api/7/envelope/ HTTP/1.1"
    name = f"sentry.python/{sentry_sdk.VERSION}"
    wanted = {
        "host": server.url.partition("//")[2],
        "accept-encoding": "identity",
        "content-length": request.headers["content-length"],
        "content-type": "application/x-sentry-envelope",
        "content-encoding": "gzip",
        "user-agent": name,
        "x-sentry-auth": f"Sentry sentry_key=key, sentry_version=7, sentry_client={name}",
    }
    assert wanted == request.headers
    header, event_header, event, end = request.body.split(b"\n")
    assert json.loads(header).keys() == {"event_id", "sent_at"}
    assert json.loads(event_header) == {
        "content_type": JSON,
        "type": "event",
        "length": len(event),
    }
    assert (json.loads(event)["message"], end) == ("boom", b"")


ODD = {
    "400": (answer(400, b'{"detail": "no"}', Content_Type=JSON), "400", "status 400: no"),
    "403": (answer(403), "403", "status 403"),
    "404": (answer(404), "404", "status 404"),
    "413": (answer(413), "413", "status 413"),
    "a redirect": (answer(302, Location="http://x/y?z"), "302", "a redirect to http://x/y"),
    "a web page": (
        answer(200, b"<html>", Content_Type="text/html"),
        "200",
        "the response is a web page (200)",
    ),
    "other text": (answer(200, b"ok"), "200", "the response is not an error tracker's (200)"),
}


@pytest.mark.parametrize(("odd", "reason", "text"), ODD.values(), ids=ODD)
def test_what_is_refused_is_counted_and_logged_once(
    odd: Odd, reason: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not sent again."""
    with OddServer(lambda _: odd) as server, own_client(dsn_of(server)) as own:
        for _ in range(3):
            own.capture("boom")
        own.settle()
        assert (own.statistics.failed, own.statistics.delivered) == (3, 0)
        assert own.statistics.reasons == {reason: 3}
        assert len(server.requests) == 3
    [line] = [record.getMessage() for record in caplog.records if record.name == "telemetry"]
    assert line.startswith(f"error events to sentry ({server.url}/7) can't be delivered: {text}")
    assert "key" not in line


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
def test_what_fails_for_now_is_sent_again(status: int) -> None:
    """With another time of sending."""
    answers = iter([answer(status), ACCEPTED])
    with OddServer(lambda _: next(answers)) as server, own_client(dsn_of(server)) as own:
        own.capture("boom")
        own.settle()
        assert (own.statistics.delivered, own.statistics.retried) == (1, 1)
        first, second = (json.loads(r.body.split(b"\n")[0]) for r in server.requests)
    assert first["event_id"] == second["event_id"]
    assert first["sent_at"] < second["sent_at"]


AUTHORITIES = {
    "SSL_CERT_FILE": {"SSL_CERT_FILE": "ca.pem", "REQUESTS_CA_BUNDLE": "other.pem"},
    "REQUESTS_CA_BUNDLE": {"REQUESTS_CA_BUNDLE": "ca.pem"},
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def _files(certificates: Path, **names: str) -> dict[str, str]:
    return {variable: str(certificates / name) for variable, name in names.items()}


@pytest.mark.parametrize("authority", AUTHORITIES.values(), ids=AUTHORITIES)
def test_certificates_are_those_of_the_variables(
    authority: dict[str, str], certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That were read with all others: what this process has meanwhile does not count."""
    given = _files(
        certificates, CLIENT_CERT_FILE="client.pem", CLIENT_KEY_FILE="client.key", **authority
    )
    for variable in (*given, "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, "/absent")
    with OddServer(lambda _: ACCEPTED) as server:
        server.use_tls(wanting_clients(certificates))
        with own_client(dsn_of(server), **given) as own:
            own.capture("boom")
            own.settle()
            assert own.statistics.delivered == 1


@pytest.mark.parametrize(
    "given",
    [
        {"CLIENT_CERT_FILE": "client.pem", "CLIENT_KEY_FILE": "client.key"},
        {"SSL_CERT_FILE": "ca.pem"},
    ],
)
def test_without_a_certificate_no_event_is_sent(
    given: dict[str, str], certificates: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server is not believed, or does not believe the client; the event is kept."""
    with OddServer(lambda _: ACCEPTED) as server:
        server.use_tls(wanting_clients(certificates))
        with own_client(dsn_of(server), **_files(certificates, **given)) as own:
            own.capture("boom")
            own.wait_for_problem()
            assert own.statistics.failed == 0
        assert server.requests == []
    assert "TLS handshake failed" in caplog.text


LIMITS = {
    "Retry-After": ({"Retry-After": "70"}, 70),
    "nothing": ({}, 60),
    "Bugsink": (
        {"X-Sentry-Rate-Limits": "61::key, 86400:transaction;span:organization"},
        61,
    ),
    "errors": ({"X-Sentry-Rate-Limits": "5:error:key, 62:default;error:organization"}, 62),
    "others": ({"X-Sentry-Rate-Limits": "90:transaction:key", "Retry-After": "63"}, 63),
    "malformed": ({"X-Sentry-Rate-Limits": "soon:error, :,", "Retry-After": "64"}, 64),
}


@pytest.mark.parametrize(("headers", "seconds"), LIMITS.values(), ids=LIMITS)
def test_a_rate_limit_of_errors_is_followed(headers: dict[str, str], seconds: int) -> None:
    """That of other categories isn't: Bugsink names them in every response."""
    assert pause(429, headers) == seconds


def test_a_response_without_a_limit_orders_no_pause() -> None:
    """Bugsink's header for what it doesn't take is in every response."""
    assert pause(503, {"X-Sentry-Rate-Limits": "86400:transaction;span:organization"}) is None


def test_a_flush_does_not_wait_for_a_limit_to_end(errors: EventReceiver) -> None:
    """The events are kept, for another process or for later."""
    errors.answer(429, headers={"X-Sentry-Rate-Limits": f"{PATIENCE:.0f}0::key"})
    with own_client(errors.dsn) as own:
        own.capture("one")
        own.wait_for_problem()
        own.capture("two")
        began = time.monotonic()
        own.client.flush(PATIENCE)
        assert time.monotonic() - began < PATIENCE
        assert (len(errors.requests), own.outbox.accepted, own.outbox.settled) == (1, 2, 0)


def test_an_outage_keeps_what_fits() -> None:
    """The newest, and what is dropped is counted."""
    port = free_port()
    with own_client(f"http://key@{HOST}:{port}/1") as own:
        for number in range(MAX_EVENTS + 20):
            own.capture(f"number {number}")
        own.wait_for_problem()
        # One of them may be with the sender, which does not count as waiting.
        assert own.statistics.reasons["queue_full"] in (19, 20)
        with EventReceiver(port) as errors:
            own.settle()
            messages = [event.message for event in errors.events]
        assert messages[-MAX_EVENTS:] == [f"number {n}" for n in range(20, MAX_EVENTS + 20)]
        assert own.statistics.undelivered == own.statistics.reasons["queue_full"]


def test_a_file_that_can_not_be_read_raises_nothing(errors: EventReceiver, tmp_path: Path) -> None:
    """The SDK sends the event without it."""
    with own_client(errors.dsn) as own:
        attachment = Attachment(path=str(tmp_path / "missing"))
        own.client.capture_event({"message": "boom"}, {"attachments": [attachment]})
        own.settle()
    assert [event.message for event in errors.events] == ["boom"]


def test_the_sdks_flush_sends_what_is_queued(tmp_path: Path, errors: EventReceiver) -> None:
    """And calls back with what waits."""
    errors.answer(200, delay=0.5)
    code = """
    import logging, sentry_sdk
    logging.getLogger("host").error("first")
    sentry_sdk.flush(20, lambda waiting, seconds: print(waiting, seconds))
    print(telemetry.flush(0))
    sentry_sdk.flush(20, lambda waiting, seconds: print("never"))
    """
    assert printed(run_program(tmp_path, errors, code)) == ["1 20", "0"]
    assert len(errors.events) == 1


def test_a_forked_child_sends_its_own_events(tmp_path: Path, errors: EventReceiver) -> None:
    """Not the parent's, which waits for the tracker at that time."""
    errors.answer(200, delay=0.5)
    code = """
    import logging, os, sys
    logging.getLogger("host").error("parent")
    child = os.fork()
    if not child:
        logging.getLogger("host").error("child")
        print(telemetry.flush(20), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print(telemetry.flush(20))
    """
    assert printed(run_program(tmp_path, errors, code)) == ["0", "0"]
    assert sorted(str(event.message) for event in errors.events) == ["child", "parent"]


def test_a_lower_limit_of_the_tracker_is_found() -> None:
    """By halving what it refuses, until it accepts."""
    long: dict[str, object] = {f"k{number}": "x" * 9000 for number in range(50)}

    def reply(request: Request) -> Any:
        return answer(413) if len(request.body) > 60_000 else ACCEPTED

    with OddServer(reply) as server, own_client(dsn_of(server)) as own:
        own.client.capture_event({"message": "boom", "extra": long})
        own.settle()
        assert (own.statistics.delivered, own.statistics.failed) == (1, 0)
        assert own.outbox.accepted == own.outbox.settled == 1
        event = json.loads(server.requests[-1].body.split(b"\n")[2])
    assert event["message"] == "boom"
    assert event["contexts"]["shortened"]["parts"] == ["extra"]


def test_attachments_are_left_out_first() -> None:
    """The event then says so."""

    def reply(request: Request) -> Any:
        return answer(413) if len(request.body) > 60_000 else ACCEPTED

    with OddServer(reply) as server, own_client(dsn_of(server)) as own:
        attachment = Attachment(bytes=b"x" * 90_000, filename="a.txt")
        own.client.capture_event({"message": "boom"}, {"attachments": [attachment]})
        own.settle()
        assert own.statistics.delivered == 1
        assert len(server.requests) == 2
        event = json.loads(server.requests[-1].body.split(b"\n")[2])
    assert event["contexts"]["shortened"]["parts"] == ["attachments"]


def test_an_event_that_can_not_be_shortened_is_refused_once() -> None:
    """It keeps no other event waiting."""
    failsafe.raise_failures(False)
    frames: list[Any] = [{"function": f"f{number}"} for number in range(900)]
    odd: Any = {"values": [{"stacktrace": {"frames": frames, "frames_omitted": "some"}}]}

    def reply(request: Request) -> Any:
        return answer(413) if b"odd" in request.body else ACCEPTED

    with OddServer(reply) as server, own_client(dsn_of(server)) as own:
        own.client.capture_event({"message": "odd", "exception": odd})
        own.capture("next")
        own.settle()
        assert own.statistics.reasons == {"413": 1}
        assert own.statistics.delivered == 1
    assert state.failures["errors.transport"] == 1


@pytest.mark.parametrize(
    ("tags", "is_failure"), [({}, True), ({"corkboard.cause": "request"}, False)]
)
def test_what_a_request_has_caused_is_dropped_before_failures_of_the_host(
    tags: dict[str, str], is_failure: bool
) -> None:
    """By a full queue, and a smaller one that a tracker wanted as well."""
    envelope = Envelope()
    envelope.add_event({"event_id": "a" * 32, "message": "x" * 20_000, "tags": tags})
    item = item_of(envelope, Redactor(RedactionSettings()))
    assert item[3] is is_failure
    smaller = shorten(item)
    assert smaller is not None
    assert smaller[3] is is_failure
