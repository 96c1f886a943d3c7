"""The logger provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import _logs as sdk

from telemetry.export.flushing import ProviderFlush

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LogRecordProcessor


class LoggerProvider(sdk.LoggerProvider):
    """The SDK's logger provider, whose ``force_flush`` sends what its pipeline has queued."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.flush = ProviderFlush()
        super().__init__(*args, **kwargs)

    def add_log_record_processor(self, log_record_processor: LogRecordProcessor) -> None:
        """Add a processor, which gets the records of all loggers."""
        super().add_log_record_processor(log_record_processor)
        self.flush.others.append(log_record_processor)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send the records. Returns whether all were delivered in time."""
        return self.flush(timeout_millis)

    def shutdown(self) -> None:
        """Send the records, and shut the processors down."""
        self.flush.end()
        super().shutdown()
