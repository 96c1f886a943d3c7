"""Spans are encoded in groups. What is sent is the same as if each were encoded when it ends."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import StatusCode, TraceFlags

import telemetry
from telemetry.export.processors import MOST_STAGED
from telemetry.testing import OTLPReceiver
from telemetry.traces.light import LightSpan
from telemetry.traces.provider import TracerProvider
from tests.support.processes import HOST, refusing_port
from tests.support.waiting import PATIENCE
from tests.telemetry.export.sending import NEVER, sending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from telemetry.export.encoding.requests import Item
    from telemetry.export.outbox import Batch, Outbox
    from telemetry.export.sender import Sender
    from tests.telemetry.export.sending import Sending


class Light:
    """A tracer of light spans in front of a part of the pipeline."""

    def __init__(self, made: Sending) -> None:
        provider = TracerProvider(light=["telemetry"], shutdown_on_exit=False)
        provider.add_span_processor(made.spans)
        self.made = made
        self.tracer = provider.get_tracer("telemetry")
        [destination] = made.known["traces"]
        assert destination.outbox is not None
        self.outbox: Outbox = destination.outbox

    def end(self, *names: str, **attributes: Any) -> None:
        """Start and end a span of each name."""
        for name in names:
            span = self.tracer.start_span(name, attributes=attributes)
            assert isinstance(span, LightSpan)
            span.end()


@contextmanager
def _light(receiver: OTLPReceiver, **environ: str) -> Iterator[Light]:
    with sending(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **environ) as made:
        yield Light(made)


def _names(receiver: OTLPReceiver) -> list[str]:
    return sorted(span.name for span in receiver.spans)


def _has(number: int, receiver: OTLPReceiver) -> bool:
    return len(receiver.spans) == number


def _nothing() -> None:
    pass


def _waiting(outbox: Outbox) -> list[str]:
    bodies = [body for _, (_, body, _, _) in (*outbox._failures, *outbox._ordinary)]
    return sorted(Span.FromString(body).name for body in bodies)


def test_they_are_encoded_together() -> None:
    """None before there are enough of them, and a flush does not wait for that."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        names = [f"{number:02}" for number in range(MOST_STAGED + 2)]
        light.end(*names[: MOST_STAGED - 1])
        assert _waiting(light.outbox) == []
        light.end(*names[MOST_STAGED - 1 :])
        assert _waiting(light.outbox) == names[:MOST_STAGED]
        assert light.made.flush()
        assert _names(receiver) == names
        assert light.made.of("traces").delivered == len(names)


def test_one_alone_is_sent_by_the_schedule() -> None:
    """Without a flush, and again when everything before has been sent."""
    with OTLPReceiver() as receiver, _light(receiver, OTEL_BSP_SCHEDULE_DELAY="20") as light:
        for number in range(5):
            light.end(f"alone {number}")
            receiver.wait_for(partial(_has, number + 1))


def test_one_that_ends_while_others_are_taken_is_sent_by_the_schedule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its thread has seen that others wait, which are taken at that moment."""
    with OTLPReceiver() as receiver, _light(receiver, OTEL_BSP_SCHEDULE_DELAY="20") as light:
        take, late = light.outbox._take, ["late"]

        def interrupted() -> Batch | None:
            while late:
                light.end(late.pop())
            return take()

        monkeypatch.setattr(light.outbox, "_take", interrupted)
        light.end("first")
        receiver.wait_for(partial(_has, 2))
        assert _names(receiver) == ["first", "late"]


def test_a_sender_that_is_flushed_or_stopped_has_them(tmp_path: Path) -> None:
    """With a flush alone, and with a stop that writes to the disk what can't be sent."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        light.end("staged")
        [sender] = [each for each in light.made.senders if light.outbox in _outboxes(each)]
        assert sender.flush(time.monotonic() + PATIENCE)
        assert _names(receiver) == ["staged"]
    closed = f"http://{HOST}:{refusing_port()}"
    with sending(OTEL_EXPORTER_OTLP_ENDPOINT=closed, TELEMETRY_SPOOL_DIR=str(tmp_path)) as made:
        light = Light(made)
        light.end("staged")
        [sender] = [each for each in made.senders if light.outbox in _outboxes(each)]
        assert sender.leave()
        assert sender.stored == 1


def _outboxes(sender: Sender) -> list[Outbox]:
    return [delivery.outbox for delivery in sender.deliveries]


def test_those_that_are_staged_push_nothing_out_of_a_full_queue_that_is_taken() -> None:
    """There is room for them once a batch has been taken."""
    limits = {"OTEL_BSP_MAX_QUEUE_SIZE": "40", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "40"}
    with OTLPReceiver() as receiver, _light(receiver, **limits) as light:
        # The sender does not take any.
        light.outbox.wake = _nothing
        light.end(*(f"{number:02}" for number in range(3 * MOST_STAGED + 5)))
        dropped = 3 * MOST_STAGED - 40
        assert light.made.of("traces").reasons == {"queue_full": dropped}
        batch = light.outbox.take()
        assert batch is not None
        assert batch.count == 40
        assert light.outbox.waiting == 5
        assert light.made.of("traces").reasons == {"queue_full": dropped}


def test_a_batch_is_not_larger_than_it_may_be() -> None:
    """Nor does it wait for more than it holds."""
    with (
        OTLPReceiver() as receiver,
        _light(
            receiver, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="3", OTEL_BSP_SCHEDULE_DELAY=NEVER
        ) as light,
    ):
        light.end("a", "b")
        assert _waiting(light.outbox) == []
        light.end("c")
        receiver.wait_for(partial(_has, 3))


def test_they_are_sent_in_the_order_in_which_they_ended() -> None:
    """Those that have failed, and those of other scopes, which are the SDK's."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        names = [f"{number:02}" for number in range(MOST_STAGED * 2)]
        for number, name in enumerate(names):
            tracer = light.made.tracer if number % 3 else light.tracer
            span = tracer.start_span(name)
            if not number % 4:
                span.record_exception(ValueError(name))
                span.set_status(StatusCode.ERROR)
            span.end()
        batch = light.outbox.take()
        assert batch is not None
        assert [Span.FromString(body).name for _, body, _, _ in batch.items] == names


@contextmanager
def _held(light: Light) -> Iterator[None]:
    """Another thread encodes what is staged, and does not go on before the block has ended."""
    begun, goes_on = threading.Event(), threading.Event()
    values = light.made.spans._values
    encode = values.attributes

    def held(*args: Any) -> bytes:
        begun.set()
        assert goes_on.wait(PATIENCE)
        return encode(*args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(values, "attributes", held)
        encoding = threading.Thread(target=light.made.spans.encode_staged)
        encoding.start()
        assert begun.wait(PATIENCE)
        try:
            yield
        finally:
            goes_on.set()
            encoding.join(PATIENCE)


def test_a_flush_waits_for_those_that_another_thread_encodes() -> None:
    """They are in no queue at that moment."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        light.end("staged")
        done: list[bool] = []
        flushing = threading.Thread(target=lambda: done.append(light.made.flush(PATIENCE)))
        with _held(light):
            flushing.start()
            # It can't end before the other thread has.
            flushing.join(0.2)
            assert done == []
        flushing.join(PATIENCE)
        assert (done, _names(receiver)) == ([True], ["staged"])


def test_a_flush_says_that_another_thread_was_not_done() -> None:
    """At its deadline: that thread may wait for a lock of who flushes."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        light.end("staged")
        with _held(light):
            began = time.monotonic()
            assert not light.made.flush(0.01)
            assert time.monotonic() - began < PATIENCE / 2
        assert light.made.flush()
        assert _names(receiver) == ["staged"]


def test_a_span_ends_while_another_thread_encodes() -> None:
    """Without waiting: its own thread may hold a lock that the other one waits for."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        light.end("00")
        names = [f"{number:02}" for number in range(1, 3 * MOST_STAGED)]
        with _held(light):
            light.end(*names)
        assert light.made.flush()
        assert _names(receiver) == ["00", *names]


def test_what_is_staged_is_bounded() -> None:
    """As the queue is, by the same number. What is dropped is counted, the oldest first."""
    with OTLPReceiver() as receiver, _light(receiver, OTEL_BSP_MAX_QUEUE_SIZE="20") as light:
        light.end("held")
        names = [f"{number:02}" for number in range(50)]
        with _held(light):
            light.end(*names)
            assert light.outbox.waiting == 20
            assert light.made.of("traces").reasons == {"queue_full": 30}
        # The one that was being encoded is older than those that fill the queue.
        assert light.made.flush()
        assert _names(receiver) == names[30:]
        assert light.made.of("traces").accepted == 51


def test_none_is_lost_while_threads_end_spans_and_others_are_sent() -> None:
    """Eight threads, small batches, a schedule of a millisecond."""
    with (
        OTLPReceiver() as receiver,
        _light(
            receiver,
            OTEL_BSP_SCHEDULE_DELAY="1",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE="50",
            OTEL_BSP_MAX_QUEUE_SIZE="100000",
        ) as light,
    ):
        threads = [
            threading.Thread(target=light.end, args=[f"{each} {n}" for n in range(500)])
            for each in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # Without a flush.
        receiver.wait_for(partial(_has, 4000))
        assert len({span.name for span in receiver.spans}) == 4000
        assert light.made.of("traces").failed == 0


def test_one_that_can_not_be_encoded_costs_itself() -> None:
    """It is counted, and those that are staged with it are sent."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        light.end("before")
        bad: Any = light.tracer.start_span("bad")
        bad.kind = "no kind"
        bad.end()
        light.end("after")
        light.made.flush()
        assert _names(receiver) == ["after", "before"]
        assert light.made.of("traces").reasons.total() == 1


def test_a_finalizer_may_end_spans_while_its_thread_encodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many as are encoded at once: it encodes those that the thread has not come to."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        values = light.made.spans._values
        encode, finalized = values.attributes, [f"finalized {n:02}" for n in range(MOST_STAGED)]

        def interrupted(*args: Any) -> bytes:
            while finalized:
                light.end(finalized.pop())
            return encode(*args)

        monkeypatch.setattr(values, "attributes", interrupted)
        # Not enough to be encoded where one ends, which would not raise.
        names = [*finalized, *(f"request {number:02}" for number in range(MOST_STAGED - 1))]
        light.end(*names[MOST_STAGED:])
        assert light.made.flush()
        assert _names(receiver) == names


def test_a_queue_that_fails_costs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the program that flushes nor the spans behind it see the exception."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        put, failing = light.outbox.put, [ValueError("planted")]

        def fails_once(item: Item) -> None:
            if failing:
                raise failing.pop()
            put(item)

        monkeypatch.setattr(light.outbox, "put", fails_once)
        light.end("lost", "sent")
        assert light.made.flush()
        assert _names(receiver) == ["sent"]


def test_a_stopped_provider_leaves_none() -> None:
    """What its `shutdown` and `force_flush` leave to the sender is in the queue."""
    for end in ("shutdown", "force_flush"):
        with OTLPReceiver() as receiver, _light(receiver) as light:
            light.end("staged")
            getattr(light.made.spans, end)()
            assert _waiting(light.outbox) == ["staged"]


@pytest.mark.usefixtures("additions")
def test_rules_that_come_meanwhile_apply() -> None:
    """A span that ended before is redacted by them, too: it has not been sent."""
    with OTLPReceiver() as receiver, _light(receiver) as light:
        light.end("staged", parcel="PARCEL-1")
        telemetry.redact(patterns=[r"PARCEL-\d"])
        assert light.made.flush()
        [span] = receiver.spans
        assert span.attributes["parcel"] == "[REDACTED]"


def test_a_span_that_is_not_sampled_is_not_kept() -> None:
    with OTLPReceiver() as receiver, _light(receiver) as light:
        span: Any = light.tracer.start_span("not sampled")
        span.trace_flags = TraceFlags(0)
        span.end()
        assert light.made.flush()
        assert not receiver.spans
