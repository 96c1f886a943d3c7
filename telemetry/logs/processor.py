"""Sets the request's site and route on log records, and removes its headers from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import LogRecordProcessor

from telemetry.failsafe import failed
from telemetry.logs.plain import all_without_headers
from telemetry.registry import attributes as a
from telemetry.request import request_record

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadWriteLogRecord


class RequestLogProcessor(LogRecordProcessor):
    """Sets ``corkboard.site`` and ``http.route`` on every log record of a request.

    For records of OpenTelemetry's own API: those of `logging` have both, and no header.
    """

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        try:
            record = request_record()
            if record is None:
                return
            known = {a.SITE: record.site, a.HTTP_ROUTE: record.route}
            own = log_record.log_record
            own.body = all_without_headers(own.body)
            own.attributes = {
                **all_without_headers({**(own.attributes or {})}),
                **{key: value for key, value in known.items() if value is not None},
            }
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("logs.processor", error)

    def shutdown(self) -> None:
        """Do nothing: nothing is buffered."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Do nothing: nothing is buffered."""
        return True
