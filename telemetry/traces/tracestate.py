"""The ``ot`` entry of tracestate, which records how a trace was sampled.

Source: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
"""

from __future__ import annotations

from opentelemetry.trace import TraceState

_KEY = "ot"
_RANDOM_BITS = 56
_RANDOMNESS = (1 << _RANDOM_BITS) - 1


def randomness_of(trace_id: int) -> int:
    """The 56 random bits of a trace id."""
    return trace_id & _RANDOMNESS


def threshold_of(ratio: float) -> int:
    """The lowest randomness of a trace that a sampler with this ratio samples."""
    return round((1 - ratio) * (1 << _RANDOM_BITS))


def sampled(threshold: int, randomness: int | None = None) -> TraceState:
    """The tracestate of a trace that was sampled with a threshold.

    Args:
        threshold: the sampler's threshold.
        randomness: the value that was compared with it, if not that of the trace id.
    """
    return with_threshold(None, threshold, randomness)


def with_threshold(
    state: TraceState | None, threshold: int, randomness: int | None = None
) -> TraceState:
    """A tracestate with another threshold. Entries of others stay."""
    entry = f"th:{f'{threshold:014x}'.rstrip('0') or '0'}"
    if randomness is not None:
        entry += f";rv:{randomness:014x}"
    state = state or TraceState()
    return state.update(_KEY, entry) if _KEY in state else state.add(_KEY, entry)


def kept_by_rule(state: TraceState | None) -> TraceState:
    """The tracestate with ``th:0``, which means that no ratio was applied. Other entries stay."""
    return with_threshold(state, 0)


def is_kept_by_rule(state: TraceState | None) -> bool:
    """Whether a tracestate has ``th:0``, as `kept_by_rule` sets it."""
    return state is not None and state.get(_KEY, "").split(";")[0] == "th:0"
