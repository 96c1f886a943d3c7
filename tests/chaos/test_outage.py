"""The backend is away for a while, and then it is back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.chaos.promises import (
    BEGIN,
    DROPPED,
    END,
    ask,
    duplicates,
    is_ordered,
    records,
    spans,
    wait_for_all,
)
from tests.support.servers import serve_uvicorn
from tests.support.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.chaos.promises import Promise

    Outage = Callable[[OTLPReceiver], AbstractContextManager[None]]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

# More than arrives in the second after which newer items are written during a silent request.
QUEUE = 200
RATE = 75.0
BEFORE, MEANWHILE, AFTERWARDS = 30, 450, 10
# Five minutes at 50 requests a second.
FULL = 15_000
VARIABLES = {
    "OTEL_BSP_MAX_QUEUE_SIZE": str(QUEUE),
    "OTEL_BLRP_MAX_QUEUE_SIZE": str(QUEUE),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "50",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "50",
    "OTEL_LOGS_EXPORTER": "otlp",
}


@contextmanager
def away(receiver: OTLPReceiver) -> Iterator[None]:
    receiver.close()
    yield
    receiver.answer(200)
    receiver.start()


@contextmanager
def silent(receiver: OTLPReceiver) -> Iterator[None]:
    # Not accepted either: what a sender gave up waiting for would have arrived, and come again.
    receiver.answer(503, delay=3600)
    yield
    receiver.answer(200)


@contextmanager
def unavailable(receiver: OTLPReceiver) -> Iterator[None]:
    receiver.answer(503)
    yield
    receiver.answer(200)


OUTAGES: dict[str, Outage] = {"away": away, "silent": silent, "503": unavailable}


def survive(
    promise: Promise, receiver: OTLPReceiver, outage: Outage, meanwhile: int, *, spool: bool
) -> tuple[list[str], str]:
    """Serve before, during and after an outage. Returns the traces and what was printed."""
    # A silent backend is given up. Any other's answer is waited for, or what it has accepted would
    # be sent again.
    given_up = {"OTEL_EXPORTER_OTLP_TIMEOUT": "10"} if outage is silent else {}
    variables = promise.variables({**VARIABLES, **given_up}, spool=spool)
    with serve_uvicorn(env=variables) as server:
        sent = ask(server, BEFORE)
        wait_for_all(receiver, sent)
        # One thread sends: when both signals have been refused, it has read the answers to all
        # earlier requests. An answer that the outage cuts off would make it send them again.
        receiver.answer(503)
        sent += ask(server, 1)
        receiver.wait_for(
            lambda r: len({call.path for call in r.requests if call.status == 503}) == 2, PATIENCE
        )
        with outage(receiver):
            sent += ask(server, meanwhile, rate=RATE)
        sent += ask(server, AFTERWARDS)
        wait_for_all(receiver, sent[-1:])
        receiver.wait_for(lambda r: sent[-1] in records(r), PATIENCE)
        wait_until(lambda: promise.files() == [])
        server.stop()
        return sent, server.output()


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_everything_arrives_once_and_in_order(promise: Promise, outage: Outage, soak: bool) -> None:
    """Spans and log records of before, meanwhile and afterwards, more than the queues take."""
    with OTLPReceiver(promise.port) as receiver:
        sent, printed = survive(promise, receiver, outage, FULL if soak else MEANWHILE, spool=True)
    assert duplicates(spans(receiver)) == {}
    assert duplicates(records(receiver)) == {}
    assert set(spans(receiver)) == set(records(receiver)) == set(sent)
    # Spans end in the order in which they are queued, which is not quite that of the requests.
    assert is_ordered([span.end_ns for span in receiver.spans if span.trace_id in sent])
    assert is_ordered([log.time_ns for log in receiver.logs if log.trace_id in sent])
    # One of each for each signal.
    assert (printed.count(BEGIN), printed.count(END)) == (2, 2)


def test_without_a_spool_what_does_not_fit_is_counted(promise: Promise) -> None:
    """The same outage loses what is more than the queues take: the test above can fail."""
    with OTLPReceiver(promise.port) as receiver:
        sent, printed = survive(promise, receiver, away, MEANWHILE, spool=False)
    lost = len(sent) - len(spans(receiver)), len(sent) - len(records(receiver))
    assert min(lost) > MEANWHILE - 2 * QUEUE
    assert sorted(map(int, DROPPED.findall(printed))) == sorted(lost)
