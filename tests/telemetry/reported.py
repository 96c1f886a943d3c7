"""A listener of `telemetry.errors.failures` that records the reported exceptions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from telemetry.errors import failures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.request import RequestRecord


class Reported:
    """Records reported exceptions, and gives each an event id: ``event-1`` for the first."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.caught_by: list[str] = []
        self.records: list[RequestRecord | None] = []

    def __call__(self, error: Exception, caught_by: str, record: RequestRecord | None) -> None:
        """Record one report, as a listener."""
        self.errors.append(error)
        self.caught_by.append(caught_by)
        self.records.append(record)
        event = f"event-{len(self.errors)}"
        failures.mark_reported(error, event)
        if record is not None:
            record.note_event(event)


@contextmanager
def listening() -> Iterator[Reported]:
    """Record the failures that are reported within the block."""
    reported = Reported()
    failures.report_to(reported)
    try:
        yield reported
    finally:
        failures.report_to(None)


def raised(error: BaseException, cause: BaseException | None = None) -> Any:
    """Return the exception after it was raised, as every reported one was."""
    try:
        if cause is not None:
            raise error from cause
        raise error
    except BaseException as caught:
        return caught
