"""What the metrics `otel.sdk.*` say of items that are delivered, dropped, refused and rejected."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from telemetry.export.otlp import endpoint
from telemetry.export.outbox import Outbox
from telemetry.export.sdk_metrics import ExportMetrics
from telemetry.export.sender import Delivery, Sender
from telemetry.export.statistics import ExportStatistics
from telemetry.settings import read_settings
from telemetry.settings.model import QueueSettings
from tests.support.odd_server import OddServer, answer
from tests.telemetry.export.test_sender import partial

if TYPE_CHECKING:
    from collections.abc import Iterator

Values = dict[tuple[str, tuple[tuple[str, Any], ...]], Any]
# A span with the name "x".
SPAN = (b"", b""), b"\x2a\x01x", 1, False


class Measured:
    """A sender of spans with instruments, and what they have recorded."""

    def __init__(self, server: OddServer) -> None:
        settings = read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": server.url})
        limits = QueueSettings(3600.0, 10, 10, 10**6, "OTEL_BSP_MAX_QUEUE_SIZE")
        statistics = ExportStatistics()
        self.outbox = Outbox("traces to otlp", limits, statistics)
        to = endpoint(settings.otlp["traces"], "traces")
        self._reader = InMemoryMetricReader()
        provider = MeterProvider([self._reader], shutdown_on_exit=False)
        delivery = Delivery(
            self.outbox,
            to,
            make_metrics=lambda outbox: ExportMetrics("traces", outbox, to.url, "http", provider),
        )
        delivery.prepare()
        self.sender = Sender([delivery])

    def send(self, number: int) -> None:
        for _ in range(number):
            self.outbox.put(SPAN)
        assert self.sender.flush(time.monotonic() + 30)

    def values(self) -> dict[tuple[str, Any], Any]:
        """Give the values by name and `error.type`."""
        data: Any = self._reader.get_metrics_data()
        return {
            (metric.name, point.attributes.get("error.type")): getattr(point, "value", None)
            or getattr(point, "count", 0)
            for metric in data.resource_metrics[0].scope_metrics[0].metrics
            for point in metric.data.data_points
        }


@pytest.fixture
def measured(server: OddServer) -> Iterator[Measured]:
    made = Measured(server)
    yield made
    made.sender.close()


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer() as server:
        yield server


def test_each_item_is_counted_once_by_what_became_of_it(
    server: OddServer, measured: Measured
) -> None:
    """Delivered, dropped from a full queue, refused, and rejected out of a delivered batch."""
    measured.send(5)
    for _ in range(13):
        measured.outbox.put(SPAN)
    measured.send(0)
    server.reply = lambda _: answer(403)
    measured.send(2)
    server.reply = lambda _: answer(200, partial(3, "no"), Content_Type="application/x-protobuf")
    measured.send(4)
    found = measured.values()
    exported, processed = "otel.sdk.exporter.span.exported", "otel.sdk.processor.span.processed"
    accepted = {key: value for key, value in found.items() if key[0] in (exported, processed)}
    dropped = accepted.pop((processed, "queue_full"))
    assert accepted == {
        (processed, None): 5 + 13 - dropped + 2 + 4,
        (exported, None): 5 + 13 - dropped + 1,
        (exported, "403"): 2,
        (exported, "rejected"): 3,
    }
    # The sender takes a full batch as soon as there is one, so that there may be room again.
    assert 0 <= dropped <= 3
    assert found["otel.sdk.processor.span.queue.capacity", None] == 10
    assert not found["otel.sdk.processor.span.queue.size", None]
    assert not found["otel.sdk.exporter.span.inflight", None]


def test_the_component_is_named(server: OddServer, measured: Measured) -> None:
    """With the address of the backend, as the SDK's exporters are."""
    measured.send(1)
    data: Any = measured._reader.get_metrics_data()
    attributes = [
        dict(point.attributes)
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
        if metric.name == "otel.sdk.exporter.operation.duration"
    ]
    [found] = attributes
    assert found.pop("otel.component.name").startswith("otlp_http_span_exporter/")
    assert found == {
        "otel.component.type": "otlp_http_span_exporter",
        "server.address": "127.0.0.1",
        "server.port": int(server.url.rpartition(":")[2]),
    }


@pytest.mark.parametrize(
    ("url", "protocol", "expected"),
    [
        ("http://backend.example/v1/traces", "http", ("backend.example", 80)),
        ("https://user:secret@backend.example", "http", ("backend.example", 443)),
        ("backend.example:4317", "grpc", ("backend.example", 4317)),
        ("http://backend.example", "grpc", ("backend.example", 443)),
        (":4317", "grpc", (None, 4317)),
    ],
)
def test_the_address_of_a_backend(
    url: str, protocol: Literal["http", "grpc"], expected: tuple[str | None, int]
) -> None:
    """Without credentials. A host name that is missing is left out, and not guessed."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    limits = QueueSettings(3600.0, 10, 10, 10**6, "OTEL_BSP_MAX_QUEUE_SIZE")
    outbox = Outbox("traces to otlp", limits, ExportStatistics())
    ExportMetrics("traces", outbox, url, protocol, provider).settled(1, 0.5)
    data: Any = reader.get_metrics_data()
    [attributes] = [
        dict(point.attributes)
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
        if metric.name == "otel.sdk.exporter.span.exported"
    ]
    assert (attributes.get("server.address"), attributes["server.port"]) == expected
