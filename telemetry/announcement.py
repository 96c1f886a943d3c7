"""The record that says that telemetry has started, and where everything goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry._logs import LogRecord, SeverityNumber

from telemetry.registry import attributes as a
from telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry._logs import LoggerProvider


def announce(provider: LoggerProvider, destinations: Sequence[str]) -> None:
    """Emit the record.

    Args:
        provider: of the process that has started.
        destinations: a line for each signal, without secrets.
    """
    provider.get_logger("telemetry", __version__).emit(
        LogRecord(
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=f"telemetry started: {'; '.join(destinations)}",
            attributes={str(a.DESTINATIONS): destinations},
            event_name="corkboard.telemetry.started",
        )
    )
