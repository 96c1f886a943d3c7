"""The sampler ``tail``: records every span, and samples a ratio of the traces.

What it does not sample, `telemetry.traces.tail` may keep all the same when
the trace has ended. Alone, on anybody's provider, it is a plain ratio sampler
that costs more than one: exporters take sampled spans only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import TraceState

from telemetry.exceptions import Problem
from telemetry.settings import variables as v
from telemetry.traces.causes import local_cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind
    from opentelemetry.util.types import Attributes

# https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
OT = "ot"
RANDOM_BITS = 56
_RANDOM = (1 << RANDOM_BITS) - 1


class TailSampler(Sampler):
    """Samples a ratio of the traces by their ids, and writes it down as ``ot=th`` in tracestate.

    A span with a parent does as its parent. One that only links to another of
    this process, as a write does that nobody waits for, does as that one's trace.

    Args:
        ratio: 0 to 1.
    """

    def __init__(self, ratio: float) -> None:
        if not 0 <= ratio <= 1:
            raise ValueError(f"ratio={ratio!r}: wanted a number from 0 to 1")
        self._ratio = ratio
        # A trace is kept where its randomness is no less.
        self._threshold = round((1 - ratio) * (1 << RANDOM_BITS))
        self._th = f"th:{f'{self._threshold:014x}'.rstrip('0') or '0'}"
        self._state = TraceState([(OT, self._th)])

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """OpenTelemetry's contract."""
        parent = trace.get_current_span(parent_context).get_span_context()
        if parent.is_valid:
            decision = (
                Decision.RECORD_AND_SAMPLE if parent.trace_flags.sampled else Decision.RECORD_ONLY
            )
            return SamplingResult(decision, attributes, parent.trace_state)
        cause = local_cause(links or ())
        randomness = (trace_id if cause is None else cause) & _RANDOM
        if randomness < self._threshold:
            return SamplingResult(Decision.RECORD_ONLY, attributes)
        state = self._state
        if cause is not None:
            # Not this trace's own: whoever counts on its id must be told.
            state = TraceState([(OT, f"{self._th};rv:{randomness:014x}")])
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)

    def get_description(self) -> str:
        """Its name and ratio."""
        return f"TailSampler{{{self._ratio:g}}}"


def create_sampler(argument: str | None) -> TailSampler:
    """Entry point: a sampler whose ratio is ``OTEL_TRACES_SAMPLER_ARG``, 1 if unset.

    Raises:
        ValueError: for an argument that is no number from 0 to 1.
    """
    try:
        ratio = v.SAMPLER_ARG.parse(argument) if argument else v.SAMPLER_ARG.default
    except ValueError as error:
        raise ValueError(str(Problem(v.SAMPLER_ARG, str(argument), str(error)))) from None
    return TailSampler(ratio)
