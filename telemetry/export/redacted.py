"""Exporters that redact spans and log records."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, Status

from telemetry.export.ended_spans import SpanCopy
from telemetry.export.lengths import NO_LENGTHS, Lengths, shortened
from telemetry.export.wrappers import LogRecordExporterWrapper, SpanExporterWrapper
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    from telemetry.redaction.redactor import Redactor

T = TypeVar("T")

MAX_NAME = 1024


class RedactedSpanExporter(SpanExporterWrapper):
    """Wraps a span exporter, which receives redacted spans only.

    Args:
        exporter: The exporter to wrap.
        redactor: Redaction rules.
        lengths: Limits of the length of attributes, which apply after redaction.
    """

    def __init__(
        self, exporter: SpanExporter, redactor: Redactor, lengths: Lengths = NO_LENGTHS
    ) -> None:
        super().__init__(exporter)
        self._redact = partial(redacted_span, redactor=redactor, lengths=lengths)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the spans. Those with private data are replaced by redacted copies."""
        return self._exporter.export(list(_redacted(spans, self._redact)))


class RedactedEvent(Event):
    """Copy of a span event with another name and other attributes."""

    def __init__(self, event: Event, name: str, attributes: Mapping[str, Any]) -> None:
        super().__init__(name, attributes, event.timestamp)
        self._dropped = event.dropped_attributes

    @property
    def dropped_attributes(self) -> int:
        """Number of attributes dropped because of the event's limits."""
        return self._dropped


class RedactedLink(Link):
    """Copy of a link with other attributes."""

    def __init__(self, link: Link, attributes: Mapping[str, Any]) -> None:
        super().__init__(link.context, attributes)
        self._dropped = link.dropped_attributes

    @property
    def dropped_attributes(self) -> int:
        """Number of attributes dropped because of the link's limits."""
        return self._dropped


def redacted_span(
    span: ReadableSpan, redactor: Redactor, lengths: Lengths = NO_LENGTHS
) -> ReadableSpan:
    """Return the span itself if it contains no private data, otherwise a redacted copy."""
    instead: dict[str, Any] = {}
    name = redactor.cut(span.name, MAX_NAME)
    if name != span.name:
        instead["name"] = name
    attributes = span.attributes or {}
    found = shortened(redactor.attributes(attributes), lengths.span)
    if found is not attributes:
        instead["attributes"] = found
    if span.events:
        events = [_event(event, redactor, lengths.event) for event in span.events]
        if any(map(_differs, events, span.events)):
            instead["events"] = events
    if span.links:
        links = [_link(link, redactor, lengths.event) for link in span.links]
        if any(map(_differs, links, span.links)):
            instead["links"] = links
    description = span.status.description
    if description:
        text = redactor.text(description)
        if text != description:
            instead["status"] = Status(span.status.status_code, text)
    scope = _scope(span.instrumentation_scope, redactor)
    if scope is not span.instrumentation_scope:
        instead["instrumentation_scope"] = scope
    return SpanCopy(span, **instead) if instead else span


def _scope(scope: InstrumentationScope | None, redactor: Redactor) -> InstrumentationScope | None:
    if scope is None:
        return None
    name, attributes = redactor.text(scope.name), scope.attributes or {}
    version = redactor.text(scope.version) if scope.version else scope.version
    found = redactor.attributes(attributes)
    if name == scope.name and version == scope.version and found is attributes:
        return scope
    return InstrumentationScope(name, version, scope.schema_url, dict(found))


def _event(event: Any, redactor: Redactor, longest: int | None) -> Any:
    name, attributes = redactor.text(event.name), event.attributes or {}
    found = shortened(redactor.attributes(attributes), longest)
    if name == event.name and found is attributes:
        return event
    return RedactedEvent(event, name, found)


def _link(link: Link, redactor: Redactor, longest: int | None) -> Link:
    if not link.attributes:
        return link
    found = shortened(redactor.attributes(link.attributes), longest)
    if found is link.attributes:
        return link
    return RedactedLink(link, found)


def _differs(one: object, other: object) -> bool:
    return one is not other


class RedactedLogRecordExporter(LogRecordExporterWrapper):
    """Wraps a log exporter, which receives redacted records only.

    Args:
        exporter: The exporter to wrap.
        redactor: Redaction rules.
        lengths: Limits of the length of attributes, which apply after redaction.
    """

    def __init__(
        self, exporter: LogRecordExporter, redactor: Redactor, lengths: Lengths = NO_LENGTHS
    ) -> None:
        super().__init__(exporter)
        self._redact = partial(redacted_record, redactor=redactor, lengths=lengths)

    def export(self, batch: Sequence[ReadableLogRecord]) -> Any:
        """Export the records. Those with private data are replaced by redacted copies."""
        return self._exporter.export(list(_redacted(batch, self._redact)))


def redacted_record(
    data: ReadableLogRecord, redactor: Redactor, lengths: Lengths = NO_LENGTHS
) -> ReadableLogRecord:
    """Return the record itself if it contains no private data, otherwise a redacted copy."""
    record = data.log_record
    attributes = record.attributes or {}
    body = redactor.anything(record.body)
    found = shortened(redactor.attributes(attributes), lengths.record)
    severity, event = record.severity_text, record.event_name
    severity = redactor.text(severity) if severity else severity
    event = redactor.text(event) if event else event
    scope = _scope(data.instrumentation_scope, redactor)
    if (
        body is record.body
        and found is attributes
        and severity == record.severity_text
        and event == record.event_name
        and scope is data.instrumentation_scope
    ):
        return data
    # A copy: the application's other exporters receive the same record.
    record = copy.copy(record)
    record.body, record.severity_text, record.event_name = body, severity, event
    if found is not attributes:
        record.attributes = dict(found)
    return replace(data, log_record=record, instrumentation_scope=scope)


def _redacted(batch: Iterable[T], redact: Callable[[T], T]) -> Iterator[T]:
    for each in batch:
        try:
            yield redact(each)
        except Exception as error:  # noqa: BLE001 # what can't be redacted is not exported
            is_span = isinstance(each, ReadableSpan)
            failed("redaction.span" if is_span else "redaction.log_record", error)
