"""Whoever tracks errors, in the tests of those that tell it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from telemetry.errors import failures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.request import RequestRecord


class Told:
    """Keeps what it is told, and makes an event of it: ``event-1`` is the first's."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.caught_by: list[str] = []
        self.records: list[RequestRecord | None] = []

    def __call__(self, error: Exception, caught_by: str, record: RequestRecord | None) -> None:
        """The listener."""
        self.errors.append(error)
        self.caught_by.append(caught_by)
        self.records.append(record)
        event = f"event-{len(self.errors)}"
        failures.mark_reported(error, event)
        if record is not None:
            record.note_event(event)


@contextmanager
def listening() -> Iterator[Told]:
    """What is told meanwhile."""
    told = Told()
    failures.report_to(told)
    try:
        yield told
    finally:
        failures.report_to(None)


def raised(error: BaseException, cause: BaseException | None = None) -> Any:
    """The error after it was raised, as everything that is told was."""
    try:
        if cause is not None:
            raise error from cause
        raise error
    except BaseException as caught:
        return caught
