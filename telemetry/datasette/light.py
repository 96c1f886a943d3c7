"""Light spans of Datasette's queries and their phases, as `telemetry.datasette.spans` wraps others.

A module of its own, which is imported where spans are recorded: it needs the SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from telemetry.datasette.queries import ROLES
from telemetry.datasette.sql_errors import result_code
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d
from telemetry.traces.light import LightSpan, UncheckedSpan

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.datasette.open_spans import LocalTrace, OpenSpan
    from telemetry.datasette.spans import OnEnd

_ERROR = StatusCode.ERROR


class LightDatasetteSpan(UncheckedSpan):
    """A light span of a query, as `QuerySpan` is one of the SDK's, or of a phase of one.

    One class for both: the interpreter makes an instruction fast for objects of one class, and
    slower than before for those of another one that takes turns with it.

    While a query is open, its span holds what query folding knows of the query: see `OpenSpan`.
    """

    local: LocalTrace
    above: OpenSpan | None = None
    phases: list[ReadableSpan]
    execution: int | None = None
    stays = False

    def record_exception(self, exception: BaseException, *args: Any, **kwargs: Any) -> None:
        """Record an exception, with SQLite's result code."""
        code = result_code(exception)
        if code is not None:
            self.set_attribute(a.DB_RESPONSE_STATUS_CODE, code)
        super().record_exception(exception, *args, **kwargs)

    def hold(self, on_end: OnEnd) -> None:
        """Call ``on_end`` when the span ends, with whether a failure was expected.

        At once, if it has ended.
        """
        has_ended = self.end_time is not None
        before = None if has_ended else self.after_end

        def ended() -> None:
            if before is not None:
                before()
            known = self.values
            interrupted = known.get(d.INTERRUPTED) and self.status.status_code is not _ERROR
            on_end(expected=bool(known.get(d.SUPPRESSED) or interrupted))

        if has_ended:
            ended()
        else:
            self.after_end = ended

    def clean(self) -> None:
        """Have the attributes as the limits want them, under the names of the conventions."""
        known = self.values
        if d.SYSTEM in known:
            known[a.DB_SYSTEM_NAME] = known.pop(d.SYSTEM)
        super().clean()


SPAN_CLASSES: dict[str, type[LightSpan]] = dict.fromkeys(ROLES, LightDatasetteSpan)
"""By the name of Datasette's span; other spans have no class of their own."""
