"""Waiting for arrivals, many senders, and what is left after closing."""

from __future__ import annotations

import threading

import httpx
import pytest

from telemetry.testing import OTLPReceiver
from tests.support import web
from tests.support.processes import free_port
from tests.telemetry.testing.senders import send_log, tracer_to

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def test_waiting_ends_at_arrival_and_gives_the_predicates_value(receiver: OTLPReceiver) -> None:
    """No polling interval is felt, and the result needs no second look."""
    with tracer_to(receiver) as tracer:
        timer = threading.Timer(0.1, lambda: tracer.start_span("soon").end())
        timer.start()
        [span] = receiver.wait_for(lambda r: r.spans)
        timer.join()
    assert span.name == "soon"


def test_waiting_in_vain_says_what_arrived(receiver: OTLPReceiver) -> None:
    """The failure message lists everything, equal things counted."""
    with pytest.raises(AssertionError, match="nothing arrived"):
        receiver.wait_for(lambda r: r.spans, timeout=0.05)
    send_log(receiver)
    with tracer_to(receiver) as tracer:
        tracer.start_span("one").end()
        tracer.start_span("one").end()
    with pytest.raises(AssertionError) as failure:
        receiver.wait_for(lambda r: r.metrics, timeout=0.05)
    message = str(failure.value)
    assert "2 x span INTERNAL 'one' from tests.tracer" in message
    assert "1 x log WARN" in message
    assert "2 x request /v1/traces answered 200" in message


def test_clear_forgets(receiver: OTLPReceiver) -> None:
    """What was decoded and what was not are both gone."""
    with tracer_to(receiver) as tracer:
        tracer.start_span("decoded").end()
        assert receiver.spans
        tracer.start_span("not decoded").end()
        receiver.clear()
    assert (receiver.spans, receiver.requests) == ([], [])


def test_a_closed_receiver_leaves_nothing_behind() -> None:
    """No thread is left, not even for a keep-alive connection or a slow answer."""
    before = {*threading.enumerate()}
    with OTLPReceiver() as receiver, web.client(base_url=receiver.url) as client:
        client.post("/v1/logs", headers=PROTOBUF)
        receiver.answer(200, delay=600)
        failures: list[Exception] = []

        def give_up() -> None:
            try:
                web.post(f"{receiver.url}/v1/logs", headers=PROTOBUF)
            except httpx.HTTPError as error:
                failures.append(error)

        slow = threading.Thread(target=give_up)
        slow.start()
        receiver.wait_for(lambda r: len(r.requests) == 2)
        receiver.close()
        slow.join()
        assert {*threading.enumerate()} <= before


def test_a_backend_can_come_back_on_its_port() -> None:
    """Closed and started again it listens where it did, and keeps what it had."""
    receiver = OTLPReceiver(free_port())
    with receiver:
        url = receiver.url
        web.post(f"{url}/v1/logs", headers=PROTOBUF)
    with pytest.raises(httpx.ConnectError):
        web.post(f"{url}/v1/logs", headers=PROTOBUF)
    with receiver:
        assert receiver.url == url
        web.post(f"{url}/v1/logs", headers=PROTOBUF)
        with pytest.raises(RuntimeError, match="already listening"):
            receiver.start()
    assert len(receiver.requests) == 2


def test_many_senders_at_once(receiver: OTLPReceiver) -> None:
    """Nothing is lost or counted twice while somebody looks."""

    def send(n: int) -> None:
        with tracer_to(receiver) as tracer:
            for i in range(10):
                tracer.start_span(f"{n}-{i}").end()

    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    receiver.wait_for(lambda r: len(r.spans) == 80)
    for thread in threads:
        thread.join()
    assert len({span.name for span in receiver.spans}) == 80
