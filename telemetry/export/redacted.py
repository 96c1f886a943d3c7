"""Spans and log records are redacted on their way to an exporter."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs.export import LogRecordExporter
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.trace import Link, Status

from telemetry import private_api
from telemetry.export.ended_spans import AmendedSpan
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExportResult

    from telemetry.redaction.redactor import Redactor

MAX_NAME = 1024


class RedactedSpanExporter(SpanExporter):
    """Another exporter, which never sees a span as it was recorded.

    Args:
        exporter: the other.
        redactor: the rules.
    """

    def __init__(self, exporter: SpanExporter, redactor: Redactor) -> None:
        self._exporter = exporter
        self._redactor = redactor

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export copies of those that have something private."""
        return self._exporter.export(list(self._redacted(spans)))

    def shutdown(self) -> None:
        """The other exporter's."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """The other exporter's."""
        return self._exporter.force_flush(timeout_millis)

    def _redacted(self, spans: Sequence[ReadableSpan]) -> Iterator[ReadableSpan]:
        for span in spans:
            try:
                yield redacted_span(span, self._redactor)
            except Exception as error:  # noqa: BLE001 # rather none than one that tells
                failed("the redaction of a span", error)


def redacted_span(span: ReadableSpan, redactor: Redactor) -> ReadableSpan:
    """The span itself if nothing in it is private, or a copy."""
    instead: dict[str, Any] = {}
    name = redactor.text(span.name[:MAX_NAME])
    if name != span.name:
        instead["name"] = name
    attributes = span.attributes or {}
    found = redactor.attributes(attributes)
    if found is not attributes:
        instead["attributes"] = found
    if span.events:
        events = [_event(event, redactor) for event in span.events]
        if any(map(_differs, events, span.events)):
            instead["events"] = events
    if span.links:
        links = [_link(link, redactor) for link in span.links]
        if any(map(_differs, links, span.links)):
            instead["links"] = links
    description = span.status.description
    if description:
        text = redactor.text(description)
        if text != description:
            instead["status"] = Status(span.status.status_code, text)
    return AmendedSpan(span, **instead) if instead else span


def _event(event: Any, redactor: Redactor) -> Any:
    name, attributes = redactor.text(event.name), event.attributes or {}
    found = redactor.attributes(attributes)
    if name == event.name and found is attributes:
        return event
    return Event(name, _bounded(found, event.dropped_attributes), event.timestamp)


def _link(link: Link, redactor: Redactor) -> Link:
    if not link.attributes:
        return link
    found = redactor.attributes(link.attributes)
    if found is link.attributes:
        return link
    return Link(link.context, _bounded(found, link.dropped_attributes))


def _bounded(attributes: Mapping[str, Any], dropped: int) -> Mapping[str, Any]:
    bounded_attributes = private_api.get(private_api.DROPPED_ATTRIBUTES)
    if bounded_attributes is None:
        return attributes
    bounded: Mapping[str, Any] = bounded_attributes(attributes=attributes)
    bounded.dropped = dropped  # type: ignore[attr-defined]
    return bounded


def _differs(one: object, other: object) -> bool:
    return one is not other


class RedactedLogRecordExporter(LogRecordExporter):
    """Another exporter, which never sees a record as it was logged.

    Args:
        exporter: the other.
        redactor: the rules.
    """

    def __init__(self, exporter: LogRecordExporter, redactor: Redactor) -> None:
        self._exporter = exporter
        self._redactor = redactor

    def export(self, batch: Sequence[ReadableLogRecord]) -> Any:
        """Export copies of those that have something private."""
        return self._exporter.export(list(self._redacted(batch)))

    def shutdown(self) -> None:
        """The other exporter's."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        """The other exporter's."""
        return self._exporter.force_flush(timeout_millis)

    def _redacted(self, batch: Sequence[ReadableLogRecord]) -> Iterator[ReadableLogRecord]:
        for data in batch:
            try:
                yield redacted_record(data, self._redactor)
            except Exception as error:  # noqa: BLE001 # rather none than one that tells
                failed("the redaction of a log record", error)


def redacted_record(data: ReadableLogRecord, redactor: Redactor) -> ReadableLogRecord:
    """The record itself if nothing in it is private, or a copy."""
    record = data.log_record
    attributes = record.attributes or {}
    body, found = redactor.anything(record.body), redactor.attributes(attributes)
    if body is record.body and found is attributes:
        return data
    # A copy: the record is the application's, and goes to other exporters besides.
    record = copy.copy(record)
    record.body = body
    if found is not attributes:
        record.attributes = dict(found)
    return replace(data, log_record=record)
