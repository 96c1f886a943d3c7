"""A queue with two limits, and what a full one drops."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry._logs import SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from telemetry.export.encoding.values import ValueEncoder
from telemetry.export.outbox import MAX_REQUEST, Outbox
from telemetry.export.statistics import ExportStatistics
from telemetry.pipeline import Pipeline
from telemetry.settings import read_settings
from telemetry.settings.model import QueueSettings
from telemetry.testing import OTLPReceiver
from telemetry.traces.tracestate import kept_by_rule, sampled, threshold_of
from tests.support.processes import refusing_port
from tests.telemetry.export.sending import sending

if TYPE_CHECKING:
    import pytest

    from telemetry.export.encoding.requests import Item
    from telemetry.export.outbox import Batch

SOURCE = b"", b""
LIMITS = QueueSettings(5.0, 10, 4, 1000, "OTEL_BSP_MAX_QUEUE_SIZE")


def outbox(limits: QueueSettings = LIMITS, *, replaced: bool = False) -> Outbox:
    return Outbox("traces to test", limits, ExportStatistics(), replaced=replaced)


def item(text: str, *, is_failure: bool = False, size: int = 0) -> Item:
    return SOURCE, text.encode().ljust(size), 1, is_failure


def taken(batch: Batch | None) -> list[str]:
    return [] if batch is None else [body.decode().strip() for _, body, _, _ in batch.items]


def drained(box: Outbox) -> list[str]:
    found = []
    while batch := box.take():
        found += taken(batch)
        box.settle(batch)
    return found


def test_the_oldest_ordinary_items_are_dropped_first(caplog: pytest.LogCaptureFixture) -> None:
    """Failures stay as long as there is anything else to drop; the log says it once."""
    box = outbox()
    for number in range(3):
        box.put(item(f"failure {number}", is_failure=True))
    for number in range(12):
        box.put(item(str(number)))
    assert box.statistics.reasons == {"queue_full": 5}
    assert box.waiting == 10
    found = drained(box)
    assert found == [*(f"failure {number}" for number in range(3)), *map(str, range(5, 12))]
    # What is left is sent in the order in which it came.
    for text in ("one", "two", "three"):
        box.put(item(text, is_failure=text == "two"))
    assert drained(box) == ["one", "two", "three"]
    [line] = [record.getMessage() for record in caplog.records]
    assert "OTEL_BSP_MAX_QUEUE_SIZE and TELEMETRY_QUEUE_BYTES" in line


def test_a_queue_that_only_bytes_limit_names_one_variable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Metrics have no limit of items."""
    box = outbox(replace(read_settings({}).queue("metrics"), max_bytes=100))
    box.put(item("one", size=80))
    box.put(item("two", size=80))
    [line] = [record.getMessage() for record in caplog.records]
    assert line.endswith("until there is room; TELEMETRY_QUEUE_BYTES sets its limit")


def test_of_failures_alone_the_oldest_are_dropped() -> None:
    """A queue full of them takes no ordinary item either."""
    box = outbox()
    for number in range(12):
        box.put(item(f"failure {number}", is_failure=True))
    box.put(item("ordinary"))
    assert drained(box) == [f"failure {number}" for number in range(2, 12)]
    assert box.statistics.reasons == {"queue_full": 3}


def test_bytes_are_a_limit_too() -> None:
    """Whichever is reached first drops. What is being sent counts as bytes, not as items."""
    box = outbox()
    for number in range(6):
        box.put(item(str(number), size=300))
    assert box.waiting == 3
    batch = box.take()
    assert taken(batch) == ["3", "4", "5"]
    box.put(item("no room", size=300))
    assert box.waiting == 0
    assert box.statistics.reasons == {"queue_full": 4}
    assert batch is not None
    box.settle(batch)
    box.put(item("room", size=300))
    assert drained(box) == ["room"]


def test_an_item_larger_than_the_queue_is_dropped() -> None:
    """And takes nothing else along that fits without it."""
    box = outbox()
    box.put(item("small"))
    box.put(item("large", size=2000))
    box.put(item("other"))
    assert "large" not in drained(box)
    assert box.statistics.reasons["queue_full"] >= 1


def test_a_request_has_a_limit_of_its_own() -> None:
    """Below what receivers over gRPC accept; one item may be larger."""
    box = outbox(QueueSettings(5.0, 100, 100, 10 * MAX_REQUEST, "X"))
    for number in range(4):
        box.put(item(str(number), size=MAX_REQUEST // 2 - 100))
    box.put(item("large", size=MAX_REQUEST + 1))
    sizes = []
    while batch := box.take():
        sizes.append(len(batch.items))
        assert len(batch.items) == 1 or len(batch.request()) <= 4 * 1024 * 1024
    assert sizes == [2, 2, 1]


def test_it_is_due_by_time_or_by_number() -> None:
    """A batch that is full does not wait for the schedule; what is left of it does not either."""
    box = outbox()
    assert box.due() is None
    box.put(item("one"))
    first = box.due()
    assert first is not None
    box.put(item("two"))
    assert box.due() == first
    for text in ("three", "four"):
        box.put(item(text))
    assert box.due() == first - LIMITS.schedule_delay
    assert len(drained(box)) == 4
    assert box.due() is None


def test_newer_metrics_replace_older_ones() -> None:
    """Cumulative ones have all that the earlier ones had; delta ones are kept."""
    for replaced, wanted in ((True, ["two"]), (False, ["one", "two"])):
        box = outbox(replaced=replaced)
        box.replace([item("one")])
        box.replace([item("two")])
        assert drained(box) == wanted
        assert box.settled == box.accepted
        assert box.statistics.accepted == len(wanted)
        assert box.statistics.failed == 0


def test_what_is_replaced_is_settled_when_what_replaces_it_waits() -> None:
    """A flush that waits for it finds what has taken its place, and does not end in between."""
    box = outbox(replaced=True)
    seen = []
    box.wake = lambda: seen.append((box.settled, box.waiting, box.renewals))
    box.replace([item("one")])
    box.replace([item("two"), item("three")])
    assert seen[0] == (0, 1, 0)
    assert all(waiting for settled, waiting, _ in seen if settled)
    assert seen[-1] == (1, 2, 1)
    assert [settled for settled, _, renewals in seen if not renewals] == [0] * (len(seen) - 1)


def test_many_threads_lose_nothing() -> None:
    """What is put is taken, or dropped and counted."""
    box = outbox(QueueSettings(5.0, 50, 7, 10**6, "X"))
    found: list[str] = []
    stop = threading.Event()

    def take() -> None:
        while not stop.is_set():
            found.extend(drained(box))

    def put(thread: int) -> None:
        for number in range(500):
            box.put(item(f"{thread} {number}", is_failure=number % 3 == 0))

    taking = threading.Thread(target=take)
    taking.start()
    putting = [threading.Thread(target=put, args=(thread,)) for thread in range(4)]
    for each in putting:
        each.start()
    for each in putting:
        each.join()
    stop.set()
    taking.join()
    found += drained(box)
    assert len(found) == len(set(found))
    assert len(found) + box.statistics.failed == 2000
    assert box.settled == box.accepted == 2000


def test_failures_outlast_a_flood() -> None:
    """A span with an error and a log record of the level ERROR, below five hundred others."""
    made = {"OTEL_BSP_MAX_QUEUE_SIZE": "20", "OTEL_BLRP_MAX_QUEUE_SIZE": "20"}
    with (
        OTLPReceiver() as receiver,
        sending(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **made) as all_three,
    ):
        # The queues are as large as a batch: nothing is sent before the flush but what is full.
        receiver.answer(503)
        all_three.span("first")
        all_three.log("first")
        all_three.flush(0.5)
        span = all_three.tracer.start_span("failed")
        span.set_status(Status(StatusCode.ERROR))
        span.end()
        all_three.log("failed", SeverityNumber.ERROR)
        for number in range(500):
            all_three.span(str(number))
            all_three.log(str(number))
        receiver.answer(200)
        assert all_three.flush()
        assert "failed" in {span.name for span in receiver.spans}
        assert "failed" in {record.body for record in receiver.logs}
        assert all_three.of("traces").reasons["queue_full"] > 400


def test_what_tail_sampling_keeps_by_rule_outlasts_a_flood() -> None:
    """A slow request has no error, and the tracestate of a trace that a rule keeps."""
    settings = read_settings(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{refusing_port()}",
            "OTEL_TRACES_SAMPLER": "tail",
            "OTEL_TRACES_SAMPLER_ARG": "1",
            "OTEL_BSP_MAX_QUEUE_SIZE": "20",
        }
    )
    pipeline = Pipeline(settings)
    [destination] = pipeline.destinations["traces"]
    box = destination.outbox
    assert box is not None
    # Nothing is sent before the queue is looked at.
    box.wake = lambda: None
    processor = pipeline._build_span_processors(ValueEncoder(None))[0]
    for number in range(50):
        state = kept_by_rule(None) if number == 0 else sampled(threshold_of(0.5))
        context = SpanContext(1, number + 1, False, TraceFlags(1), state)
        name = "kept" if number == 0 else str(number)
        processor.on_end(ReadableSpan(name, context, resource=Resource({})))
    batch = box.take()
    assert batch is not None
    names = [Span.FromString(body).name for _, body, _, _ in batch.items]
    assert names[0] == "kept"
    assert len(names) == 20
