"""Log records, on their way to an exporter."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs.export import LogRecordExporter

from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord

    from telemetry.redaction.redactor import Redactor


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
