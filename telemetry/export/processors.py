"""Processors that encode each span and log record once, for all destinations of OTLP."""

from __future__ import annotations

from collections import deque
from threading import RLock
from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import StatusCode

from telemetry.export.encoding.logs import encode_log_record, severity_number
from telemetry.export.encoding.spans import encode_span
from telemetry.export.outbox import LONGEST_FILL, QUEUE_FULL
from telemetry.failsafe import failed
from telemetry.forks import call_in_children
from telemetry.registry.attributes import CAUSE
from telemetry.request import ids_of_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from telemetry.export.encoding.requests import Item, Sources
    from telemetry.export.encoding.values import ValueEncoder
    from telemetry.export.outbox import Outbox

    Added = Callable[[ReadableSpan, ValueEncoder], bytes]

MOST_STAGED = 16
"""Number of spans that are encoded together. They take a tenth of a millisecond."""
# OpenTelemetry's severity number of ERROR.
_ERROR = 17
_ERROR_STATUS = StatusCode.ERROR


class OTLPSpanProcessor(SpanProcessor):
    """Puts sampled spans into outboxes as bytes.

    A span is staged when it ends, and encoded with others: for one alone, at the end of its
    request, the code is in none of the processor's caches, and takes three times as long. An outbox
    has those that are staged encoded before its items are taken or counted.

    Args:
        outboxes: one for each destination, with what encodes the attributes that only this
            destination gets, or None.
        values: encodes and redacts attributes.
        sources: encodes resources and scopes.
        ready: called before the first span, to start the rest of the pipeline.
        is_kept: whether a span is among the last to be dropped from a full queue, although it has
            not failed itself.
    """

    def __init__(
        self,
        outboxes: Sequence[tuple[Outbox, Added | None]],
        values: ValueEncoder,
        sources: Sources,
        ready: Callable[[], None],
        is_kept: Callable[[ReadableSpan], bool] | None = None,
    ) -> None:
        self._outboxes = outboxes
        self._values = values
        self._sources = sources
        self._ready = ready
        self._is_ready = False
        self._is_kept = is_kept
        # Appended to without the lock. Who encodes holds it until the outboxes have the items: a
        # flush must find those of a thread that has begun.
        limits = [each.limits for each, _ in outboxes]
        self._most_staged = min([MOST_STAGED, *[each.max_batch for each in limits]])
        self._limit = max([MOST_STAGED, *[each.max_size for each in limits]])
        self._staged: deque[ReadableSpan]
        self._begin()
        # The parent sends what was staged.
        call_in_children(self._begin)

    def _begin(self) -> None:
        self._staged = deque()
        self._lock = RLock()
        for outbox, _ in self._outboxes:
            outbox.fill, outbox.staged = self.encode_staged, self._staged

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        # Also on start: metrics that a script records within its first span need the
        # meter provider by then.
        if not self._is_ready:
            try:
                self._ready()
                self._is_ready = True
            except Exception as error:  # noqa: BLE001 # the SDK guards nothing
                failed("export.traces", error)

    def on_end(self, span: ReadableSpan) -> None:
        try:
            context = ids_of_span(span)
            # Runs for every span. The flag "sampled", by its bit.
            if context is None or not context.trace_flags & 1:
                return
            staged = self._staged
            staged.append(span)
            if len(staged) >= self._most_staged and self.encode_staged(0.0):
                return
            for outbox, _ in self._outboxes:
                if outbox.since is None:
                    outbox.expect()
            if len(staged) > self._limit:
                self._drop_staged()
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("export.traces", error)

    def encode_staged(self, timeout: float = LONGEST_FILL) -> bool:
        """Encode the spans that are staged, and put them into the outboxes.

        Args:
            timeout: seconds to wait for another thread that does so.

        Returns:
            False if that thread is not done by then.
        """
        # A span may end while its thread holds any lock: within a logging handler, or in a
        # finalizer that runs in the middle of anything. So it does not wait for this one, whose
        # owner may wait for those.
        if not self._lock.acquire(timeout=timeout):
            return False
        try:
            # Not more than there are now: others may end spans as fast as they are encoded.
            for _ in range(len(self._staged)):
                try:
                    span = self._staged.popleft()
                except IndexError:
                    # A finalizer or a signal handler of this thread has encoded them.
                    break
                try:
                    self._put(span)
                except Exception as error:  # noqa: BLE001 # those behind it are encoded
                    failed("export.traces", error)
        finally:
            self._lock.release()
        return True

    def _drop_staged(self) -> None:
        """Drop the oldest: another thread has been encoding for longer than the queue holds."""
        try:
            self._staged.popleft()
        except IndexError:
            return
        for outbox, _ in self._outboxes:
            outbox.reject(1, QUEUE_FULL)

    def _put(self, span: ReadableSpan) -> None:
        values = self._values
        try:
            body = encode_span(span, values)
            source = self._sources.of(span.resource, span.instrumentation_scope)
            is_failure = span.status.status_code is _ERROR_STATUS or (
                self._is_kept is not None and self._is_kept(span)
            )
            if is_failure and span.attributes and CAUSE in span.attributes:
                # A flood of malformed requests must not push out failures of the host.
                is_failure = False
        except Exception as error:  # noqa: BLE001 # one span costs itself
            _reject((outbox for outbox, _ in self._outboxes), error)
            return
        for outbox, add in self._outboxes:
            if add is None:
                outbox.put((source, body, 1, is_failure))
                continue
            try:
                item = source, body + add(span, values), 1, is_failure
            except Exception as error:  # noqa: BLE001 # and only where it can't be encoded
                _reject((outbox,), error)
            else:
                outbox.put(item)

    def shutdown(self) -> None:
        """Encode what is staged: the sender has what is queued."""
        self.encode_staged()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Encode what is staged: the pipeline flushes its senders."""
        self.encode_staged()
        return True


class OTLPLogRecordProcessor(LogRecordProcessor):
    """Puts log records into outboxes as bytes.

    Args:
        outboxes: one for each destination.
        values: encodes and redacts attributes.
        sources: encodes resources and scopes.
        ready: called before the first record, to start the rest of the pipeline.
    """

    def __init__(
        self,
        outboxes: Sequence[Outbox],
        values: ValueEncoder,
        sources: Sources,
        ready: Callable[[], None],
    ) -> None:
        self._outboxes = outboxes
        self._values = values
        self._sources = sources
        self._ready = ready

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        try:
            self._ready()
            self._put(log_record)
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("export.logs", error)

    def _put(self, data: ReadWriteLogRecord | ReadableLogRecord) -> None:
        try:
            item = log_item(data, self._values, self._sources)
        except Exception as error:  # noqa: BLE001 # one record costs itself
            _reject(self._outboxes, error)
            return
        for outbox in self._outboxes:
            outbox.put(item)

    def shutdown(self) -> None:
        """Do nothing: the sender has what is queued."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Do nothing: the pipeline flushes its senders."""
        return True


def _reject(outboxes: Iterable[Outbox], error: Exception) -> None:
    for outbox in outboxes:
        outbox.reject(1, type(error).__name__)
    failed("export.encoding", error)


def log_item(
    data: ReadWriteLogRecord | ReadableLogRecord, values: ValueEncoder, sources: Sources
) -> Item:
    """Encode a log record.

    Raises:
        Exception: if the record has a part that is no log record's.
    """
    return (
        sources.of(data.resource, data.instrumentation_scope),
        encode_log_record(data, values),
        1,
        severity_number(data.log_record) >= _ERROR,
    )
