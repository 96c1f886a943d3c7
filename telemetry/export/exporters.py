"""OTLP exporters with the interfaces of OpenTelemetry's SDK.

`OutboxMetricExporter` is the pipeline's. The others send at once, and are for processors and
readers of other configurations, through entry points.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
)
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.export.answers import Result
from telemetry.export.encoding.metrics import encode_metric
from telemetry.export.encoding.requests import Sources
from telemetry.export.encoding.spans import encode_span
from telemetry.export.encoding.values import ValueEncoder
from telemetry.export.outbox import batches
from telemetry.export.processors import log_item
from telemetry.export.sender import FIRST_BACKOFF, Episode, with_jitter
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.export.answers import Verdict
    from telemetry.export.encoding.requests import Item
    from telemetry.export.endpoint import Endpoint
    from telemetry.export.outbox import Batch, Outbox
    from telemetry.redaction.redactor import Redactor


def metric_items(
    data: MetricsData,
    values: ValueEncoder,
    sources: Sources,
    rejected: Callable[[int, Exception], None],
) -> Iterator[Item]:
    """Encode what was collected at one time, one item for each metric.

    Args:
        data: what a metric reader has collected.
        values: redacts and encodes texts and attributes.
        sources: encodes resources and scopes.
        rejected: called with the number of data points that can't be encoded, and the error.
    """
    for of_resource in data.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            source = sources.of(of_resource.resource, of_scope.scope)
            for metric in of_scope.metrics:
                try:
                    body, count = encode_metric(metric, values, lambda error: rejected(1, error))
                except Exception as error:  # noqa: BLE001 # one metric costs itself
                    rejected(1, error)
                    continue
                if count:
                    yield source, body, count, False


class OutboxMetricExporter(MetricExporter):
    """Puts collected metrics into an outbox as bytes.

    Args:
        outbox: the outbox of the destination.
        endpoint: says which temporality and aggregation the destination gets.
        sources: encodes resources and scopes.
        redactor: redaction rules.
    """

    def __init__(
        self, outbox: Outbox, endpoint: Endpoint, sources: Sources, redactor: Redactor
    ) -> None:
        super().__init__(dict(endpoint.temporality), dict(endpoint.aggregation))
        self._outbox = outbox
        self._sources = sources
        self._values = ValueEncoder(redactor)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Encode the metrics, series by series, and queue them."""
        self._outbox.replace(
            [*metric_items(metrics_data, self._values, self._sources, self._rejected)]
        )
        return MetricExportResult.SUCCESS

    def _rejected(self, count: int, error: Exception) -> None:
        self._outbox.reject(count, type(error).__name__)
        failed("export.encoding", error)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing: the pipeline flushes its senders."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Do nothing: the sender has what is queued."""


def is_replaced(endpoint: Endpoint) -> bool:
    """Whether each collection of metrics contains all that the ones before it did."""
    delta = AggregationTemporality.DELTA
    return delta not in endpoint.temporality.values()


def encoded(signal: str, data: Any, endpoint: Endpoint, redactor: Redactor) -> list[Item]:
    """Encode spans, log records or collected metrics for one endpoint."""
    values, sources = ValueEncoder(redactor), Sources(redactor)
    if signal == "metrics":
        return [*metric_items(data, values, sources, _rejected)]
    if signal == "logs":
        return [log_item(record, values, sources) for record in data]
    return [span_item(span, values, sources, endpoint) for span in data]


def span_item(
    span: ReadableSpan, values: ValueEncoder, sources: Sources, endpoint: Endpoint
) -> Item:
    """Encode a span for one endpoint.

    Raises:
        Exception: if the span has a part that is no span's.
    """
    body = encode_span(span, values)
    if endpoint.added is not None:
        body += endpoint.added(span, values)
    return sources.of(span.resource, span.instrumentation_scope), body, 1, False


class _Sending:
    """Sends items at once, and again for as long as the endpoint's timeout allows."""

    def __init__(self, endpoint: Endpoint, signal: str) -> None:
        self._endpoint = endpoint
        self._client = endpoint.make_client()
        self._stopped = False
        self._episode = Episode(f"{signal} to {endpoint.origin}")

    def send(self, items: Iterable[Item]) -> bool:
        deadline = time.monotonic() + self._endpoint.timeout
        waiting = deque(batches(items))
        complete = True
        while waiting:
            batch = waiting.popleft()
            verdict = self._verdict(batch, deadline)
            if verdict.result is Result.TOO_LARGE and len(batch.items) > 1:
                waiting.extendleft(reversed(batch.halves()))
            elif verdict.result is Result.DELIVERED and not verdict.rejected:
                self._episode.success(batch.count)
            else:
                complete = False
                self._episode.problem(verdict.reason, verdict.rejected or batch.count)
        return complete

    def _verdict(self, batch: Batch, deadline: float) -> Verdict:
        backoff = FIRST_BACKOFF
        while True:
            left = deadline - time.monotonic()
            answer = self._client.send(batch.request(), max(left, 0.001))
            verdict = self._endpoint.judge(answer)
            pause = answer.retry_after
            if pause is None:
                pause = with_jitter(backoff)
            backoff *= 2
            too_late = time.monotonic() + pause >= deadline
            if verdict.result is not Result.RETRY or too_late or self._stopped:
                return verdict
            time.sleep(pause)

    def stop(self) -> None:
        self._stopped = True
        self._client.close()


class OTLPSpanExporter(SpanExporter):
    """Sends spans, redacted.

    Args:
        endpoint: where to.
        redactor: redaction rules.
    """

    def __init__(self, endpoint: Endpoint, redactor: Redactor) -> None:
        self._endpoint = endpoint
        self._sending = _Sending(endpoint, "traces")
        self._values = ValueEncoder(redactor)
        self._sources = Sources(redactor)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans. One that can't be encoded is left out."""
        sent = self._sending.send(_encoded(spans, self._item))
        return SpanExportResult.SUCCESS if sent else SpanExportResult.FAILURE

    def _item(self, span: ReadableSpan) -> Item:
        return span_item(span, self._values, self._sources, self._endpoint)

    def shutdown(self) -> None:
        self._sending.stop()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Do nothing: nothing is queued."""
        return True


class OTLPLogRecordExporter(LogRecordExporter):
    """Sends log records, redacted.

    Args:
        endpoint: where to.
        redactor: redaction rules.
    """

    def __init__(self, endpoint: Endpoint, redactor: Redactor) -> None:
        self._sending = _Sending(endpoint, "logs")
        self._values = ValueEncoder(redactor)
        self._sources = Sources(redactor)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Send the records. One that can't be encoded is left out."""
        sent = self._sending.send(_encoded(batch, self._item))
        return LogRecordExportResult.SUCCESS if sent else LogRecordExportResult.FAILURE

    def _item(self, record: ReadableLogRecord) -> Item:
        return log_item(record, self._values, self._sources)

    def shutdown(self) -> None:
        self._sending.stop()

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        """Do nothing: nothing is queued."""
        return True


class OTLPMetricExporter(MetricExporter):
    """Sends metrics.

    Args:
        endpoint: where to, and with which temporality and aggregation.
        redactor: redaction rules for attributes.
    """

    def __init__(self, endpoint: Endpoint, redactor: Redactor) -> None:
        super().__init__(dict(endpoint.temporality), dict(endpoint.aggregation))
        self._sending = _Sending(endpoint, "metrics")
        self._values = ValueEncoder(redactor)
        self._sources = Sources(redactor)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Send the metrics. A series that can't be encoded is left out."""
        items = metric_items(metrics_data, self._values, self._sources, _rejected)
        return (
            MetricExportResult.SUCCESS if self._sending.send(items) else MetricExportResult.FAILURE
        )

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._sending.stop()

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Do nothing: nothing is queued."""
        return True


def _rejected(_count: int, error: Exception) -> None:
    failed("export.encoding", error)


def _encoded(items: Iterable[Any], encode: Callable[[Any], Item]) -> Iterator[Item]:
    for item in items:
        try:
            yield encode(item)
        except Exception as error:  # noqa: BLE001 # one item costs itself
            failed("export.encoding", error)
