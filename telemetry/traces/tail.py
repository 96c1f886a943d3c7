"""Tail sampling: the sampling decision is made when a trace has ended.

`TailSampler` records every span and samples a ratio of the traces. Of the other traces,
`TailSpanProcessor` keeps those that failed, were slow or caused an error event. It holds their
spans until the trace's last local root has ended. The limits below bound the held spans; spans
beyond a limit are dropped and counted.

Without the processor, on another provider, the sampler works as a ratio sampler at a higher cost:
exporters take sampled spans only.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags, TraceState

from telemetry.exceptions import Problem
from telemetry.export.budgets import TRACE_SPANS
from telemetry.export.ended_spans import SpanCopy, duration
from telemetry.failsafe import failed
from telemetry.registry import attributes as a
from telemetry.request import ids_of_span
from telemetry.settings import variables as v
from telemetry.traces.causes import local_cause
from telemetry.traces.tracestate import (
    kept_by_rule,
    randomness_of,
    sampled,
    threshold_of,
    with_threshold,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.trace import Link, SpanKind
    from opentelemetry.util.types import Attributes

    from telemetry.export.budgets import Budgets
    from telemetry.settings.sampler import Ratios

MAX_TRACES = 20_000
MAX_SPANS = 1_000
"""Held spans of one trace."""
MAX_BYTES = 8 << 20
"""Estimated size of all held spans: some three thousand spans."""
MAX_DECIDED = 10_000
"""Ended traces whose decision is remembered for spans that end later."""

# Size in bytes of an ended span without its strings, measured by `benchmarks.open_traces`.
_SPAN_BYTES = 2_500
# The part of MAX_BYTES for spans without an error. The rest is reserved for failed spans.
_ORDINARY = 0.5
_WEBSOCKET = 101


def _is_never(_span: ReadableSpan) -> bool:
    return False


class TailSpanProcessor(SpanProcessor):
    """Exports sampled traces, and unsampled ones that failed, were slow or have an error event.

    An unsampled trace is kept if it has a failed span, unless the response of its request
    is 4xx; if it took ``slow`` or longer, without waits for its client; or if `keep` was
    called for it. The budget limits how many are kept so. Of a larger trace whose
    request has caused its failure, only failed spans and those that they are in are exported.

    Args:
        exporting: the processor that gets the kept spans, marked as sampled with ``ot=th:0``.
        slow: seconds.
        is_expected: returns whether a failed span alone is not a failure, such as an invalid SQL
            statement of a client. If it makes the request fail, the trace is kept.
        budgets: limits the traces that are kept by rule; None keeps all.
        ratios: ratios by site and route. They apply to traces that begin in this process.
    """

    def __init__(
        self,
        exporting: SpanProcessor,
        *,
        slow: float = v.SLOW.default,
        is_expected: Callable[[ReadableSpan], bool] = _is_never,
        budgets: Budgets | None = None,
        ratios: Ratios | None = None,
    ) -> None:
        self._exporting = exporting
        self._budgets = budgets
        self._ratios = ratios or None
        # By trace, how it was sampled, for spans that end after the trace was decided.
        self._states: OrderedDict[int, _ByRatio] = OrderedDict()
        self._is_expected = is_expected
        self._slow = round(slow * 1e9)
        self._lock = Lock()
        self._held: OrderedDict[int, _Held] = OrderedDict()
        self._decided: OrderedDict[int, bool] = OrderedDict()
        self._bytes = 0
        self.sampled_out = 0
        """Number of spans of traces that were sampled out."""
        self.dropped = 0
        """Number of spans that were dropped because a limit was reached."""

    def keep(self, trace_id: int, *, by_request: bool = False, always: bool = False) -> bool:
        """Keep an unsampled trace.

        Args:
            trace_id: its id.
            by_request: whether its request has caused the failure, for which it is kept.
            always: keep it whatever the budget says.

        Returns:
            False if the trace is unknown or was sampled out, or if the budget is used up.
        """
        with self._lock:
            held = self._held.get(trace_id)
            if held is None:
                return self._decided.get(trace_id, False)
            if not held.keep:
                held.keep = self._take(by_request=by_request, always=always, is_final=False)
                # If not now, it is asked for again when the trace has ended, and counted then.
                held.is_wanted = True
            held.is_hosts = held.is_hosts or not by_request
            return held.keep

    def _take(
        self, *, by_request: bool = False, always: bool = False, is_final: bool = True
    ) -> bool:
        budgets = self._budgets
        return budgets is None or budgets.traces.take(
            by_request=by_request, always=always, is_final=is_final
        )

    def was_kept(self, trace_id: int) -> bool:
        """Whether an unsampled trace has ended and was kept."""
        with self._lock:
            return self._decided.get(trace_id, False)

    def decide_all(self) -> None:
        """Decide what is held with what has ended so far, at the end of a child process.

        The local root of its spans may be open in its parent.
        """
        with self._lock:
            held = {id(each): each for each in self._held.values()}
            for each in held.values():
                self._want(each, wanted=each.failed)
            kept = [span for each in held.values() for span in self._decide(each)]
        for span in kept:
            self._exporting.on_end(span)

    def forked(self) -> None:
        """Forget the spans that were held at the fork: they are the parent's."""
        self._lock = Lock()
        self._bytes = 0
        for held in self._held.values():
            held.forget()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        try:
            if _is_local_root(span) and (not _is_sampled(span) or self._is_decided_here(span)):
                with self._lock:
                    evicted = self._begin(span)
                for each in evicted:
                    self._exporting.on_end(each)
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("traces.tail_sampling", error)
        self._exporting.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        kept: Sequence[ReadableSpan] = ()
        try:
            if _is_sampled(span) and self._ratios is None:
                kept = (span,)
            else:
                with self._lock:
                    kept = self._end(span)
        except Exception as error:  # noqa: BLE001
            failed("traces.tail_sampling", error)
        for each in kept:
            self._exporting.on_end(each)

    def shutdown(self) -> None:
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the exporting processor. Traces that have not ended stay held."""
        return self._exporting.force_flush(timeout_millis)

    def _begin(self, span: Span) -> Sequence[ReadableSpan]:
        trace_id, cause = ids_of_span(span).trace_id, local_cause(span.links)
        held = self._held.get(trace_id)
        if held is None and cause is not None:
            if self._decided.get(cause, False):
                self._remember(trace_id, keep=True)
                return ()
            held = self._held.get(cause)
        if held is None:
            held = _Held()
            if self._is_decided_here(span):
                held.randomness = randomness_of(trace_id if cause is None else cause)
        held.roots += 1
        held.trace_ids.add(trace_id)
        self._held[trace_id] = held
        if len(self._held) <= MAX_TRACES:
            return ()
        # The oldest trace may never end, so it is decided with what has ended so far.
        oldest = next(iter(self._held.values()))
        self._want(oldest, wanted=oldest.failed)
        return self._decide(oldest)

    def _is_decided_here(self, span: Span) -> bool:
        """Whether a ratio by site or route applies: not to a trace that another process began."""
        return self._ratios is not None and span.parent is None

    def _end(self, span: ReadableSpan) -> Sequence[ReadableSpan]:
        context = ids_of_span(span)
        trace_id = context.trace_id if context is not None else 0
        held = self._held.get(trace_id)
        if held is None:
            by_ratio = self._states.get(trace_id)
            if by_ratio is not None:
                return (by_ratio.of(span),)
            if _is_sampled(span):
                return (span,)
            # Its trace is decided or was evicted. The span follows that decision, but a slow
            # root or a failed span is kept, as far as the budget goes.
            slow = _is_local_root(span) and self._is_slow(span, span.attributes or {})
            if self._decided.get(trace_id, False) or (
                (slow or self._has_failed(span)) and self._take()
            ):
                return (_as_kept(span),)
            self.sampled_out += 1
            return ()
        if not _is_local_root(span):
            self._hold(held, span)
            held.failed = held.failed or self._has_failed(span)
            return ()
        held.roots -= 1
        if held.roots:
            self._hold(held, span)
        else:
            # The trace is decided below, so this span takes no room.
            held.spans.append(span)
        attributes = span.attributes or {}
        if held.ratio is None and held.randomness is not None and self._ratios is not None:
            held.ratio = self._ratios.of(attributes.get(a.SITE), attributes.get(a.HTTP_ROUTE))
        status = attributes.get(a.HTTP_RESPONSE_STATUS_CODE)
        if isinstance(status, int) and 400 <= status < 500:
            held.failed = False
        elif held.failed or span.status.status_code is StatusCode.ERROR:
            held.failed = held.is_wanted = True
            held.is_hosts = held.is_hosts or a.CAUSE not in attributes
        if self._is_slow(span, attributes):
            held.is_wanted = held.is_hosts = True
        return () if held.roots else self._decide(held)

    def _want(self, held: _Held, *, wanted: bool) -> None:
        """Keep by rule what is decided before its root has ended."""
        if wanted:
            held.is_wanted = held.is_hosts = True

    def _has_failed(self, span: ReadableSpan) -> bool:
        return span.status.status_code is StatusCode.ERROR and not self._is_expected(span)

    def _is_slow(self, span: ReadableSpan, known: Mapping[str, Any]) -> bool:
        if known.get(a.HTTP_RESPONSE_STATUS_CODE) == _WEBSOCKET:
            # The client decides how long a WebSocket connection lasts.
            return False
        waited = known.get(a.CLIENT_WAIT)
        waited = round(waited * 1e9) if isinstance(waited, float) else 0
        return duration(span) - waited >= self._slow

    def _hold(self, held: _Held, span: ReadableSpan) -> None:
        size = _size(span)
        room = MAX_BYTES
        if span.status.status_code is not StatusCode.ERROR:
            room = int(room * _ORDINARY)
        full = len(held.spans) >= MAX_SPANS or self._bytes + size > room
        if full and not _is_local_root(span):
            held.dropped += 1
            self.dropped += 1
            return
        held.spans.append(span)
        held.bytes += size
        self._bytes += size

    def _decide(self, held: _Held) -> Sequence[ReadableSpan]:
        by_ratio = self._by_ratio(held)
        if by_ratio is None and held.is_wanted and not held.keep:
            held.keep = self._take(by_request=not held.is_hosts)
        for trace_id in held.trace_ids:
            self._held.pop(trace_id, None)
            self._remember(trace_id, keep=held.keep or by_ratio is not None)
            if by_ratio is not None:
                self._states[trace_id] = by_ratio
                if len(self._states) > MAX_DECIDED:
                    self._states.popitem(last=False)
        self._bytes -= held.bytes
        if by_ratio is not None:
            return [by_ratio.of(span) for span in held.spans]
        if not held.keep:
            self.sampled_out += len(held.spans)
            return ()
        extra: dict[str, Any] = {a.SPANS_DROPPED: held.dropped} if held.dropped else {}
        spans = held.spans
        if not held.is_hosts and self._budgets is not None:
            spans = _failed_spans(spans, self._budgets.settings.spans_of_a_trace)
            if left_out := len(held.spans) - len(spans):
                extra[a.SPANS_LEFT_OUT] = left_out
                self._budgets.left_out.count(TRACE_SPANS, left_out)
        kept = [_as_kept(span) for span in spans[:-1]]
        return [*kept, *(_as_kept(span, extra) for span in spans[-1:])]

    def _by_ratio(self, held: _Held) -> _ByRatio | None:
        """How a trace is sampled by the ratio of its site or route; None if it is not."""
        if held.randomness is None or self._ratios is None:
            return None
        threshold = threshold_of(self._ratios.default if held.ratio is None else held.ratio)
        if held.randomness < threshold:
            return None
        return _ByRatio(threshold, held.randomness)

    def _remember(self, trace_id: int, *, keep: bool) -> None:
        self._decided[trace_id] = keep
        if len(self._decided) > MAX_DECIDED:
            self._decided.popitem(last=False)


class _Held:
    """The ended spans of an undecided trace, and of traces that link to it."""

    __slots__ = (
        "bytes",
        "dropped",
        "failed",
        "is_hosts",
        "is_wanted",
        "keep",
        "randomness",
        "ratio",
        "roots",
        "spans",
        "trace_ids",
    )

    def __init__(self) -> None:
        # A rule wants it; `keep` says whether the budget had room.
        self.is_wanted = False
        # Some reason to keep it is not a failure that its request has caused.
        self.is_hosts = False
        # Of a trace that is decided by ratios by site and route.
        self.randomness: int | None = None
        self.ratio: float | None = None
        self.spans: list[ReadableSpan] = []
        self.trace_ids: set[int] = set()
        self.roots = 0
        self.bytes = 0
        self.dropped = 0
        self.failed = False
        self.keep = False

    def forget(self) -> None:
        """Forget the ended spans."""
        self.spans = []
        self.bytes = 0
        self.dropped = 0
        self.failed = False


class _ByRatio:
    """How a trace was sampled by a ratio."""

    __slots__ = ("_randomness", "_threshold")

    def __init__(self, threshold: int, randomness: int) -> None:
        self._threshold = threshold
        self._randomness = randomness

    def of(self, span: ReadableSpan) -> ReadableSpan:
        """Return a span with the flag and the tracestate of its trace."""
        context = span.get_span_context()
        if context is None:
            return span
        # Recorded as `rv` where it is not that of the trace's own id.
        own = randomness_of(context.trace_id) == self._randomness
        randomness = None if own else self._randomness
        state = with_threshold(context.trace_state, self._threshold, randomness)
        return _with_state(span, state)


def _failed_spans(spans: Sequence[ReadableSpan], limit: int) -> list[ReadableSpan]:
    """All spans, or of more than ``limit`` the failed ones and those that they are in.

    The local roots are always among them. The last failed span is the likeliest cause.
    """
    if len(spans) <= limit:
        return [*spans]
    by_id = {c.span_id: span for span in spans if (c := span.get_span_context()) is not None}
    chosen = {id(span) for span in spans if _is_local_root(span)}
    for span in reversed(spans):
        if span.status.status_code is not StatusCode.ERROR:
            continue
        wanted: list[int] = []
        each: ReadableSpan | None = span
        while each is not None and id(each) not in chosen and id(each) not in wanted:
            wanted.append(id(each))
            each = by_id.get(each.parent.span_id) if each.parent is not None else None
        if len(chosen) + len(wanted) <= limit:
            chosen.update(wanted)
    return [span for span in spans if id(span) in chosen]


def _is_local_root(span: ReadableSpan) -> bool:
    parent = span.parent
    return parent is None or parent.is_remote


def _is_sampled(span: ReadableSpan) -> bool:
    context = ids_of_span(span)
    # The flag "sampled", by its bit.
    return context is not None and bool(context.trace_flags & 1)


def _as_kept(span: ReadableSpan, extra: Mapping[str, Any] | None = None) -> ReadableSpan:
    context = span.get_span_context()
    if context is None:
        return span
    return _with_state(span, kept_by_rule(context.trace_state), extra)


def _with_state(
    span: ReadableSpan, state: TraceState, extra: Mapping[str, Any] | None = None
) -> ReadableSpan:
    context = span.get_span_context()
    if context is None:
        return span
    flags = TraceFlags(context.trace_flags | TraceFlags.SAMPLED)
    kept = SpanContext(context.trace_id, context.span_id, context.is_remote, flags, state)
    return SpanCopy(span, extra, kept)


def _size(span: ReadableSpan) -> int:
    known = span.attributes or {}
    texts = sum(len(value) for value in known.values() if isinstance(value, str))
    for event in span.events:
        texts += sum(len(v) for v in (event.attributes or {}).values() if isinstance(v, str))
    return _SPAN_BYTES + texts


class TailSampler(Sampler):
    """Samples a ratio of the traces by trace id, and records it as ``ot=th`` in tracestate.

    A span with a parent has its parent's decision. A root span that links to a span of
    this process, such as a background write, has the decision of the linked trace.

    With ratios by site and route, which are known when a request has ended, the lowest of all
    ratios is applied here: what it samples, each of them samples. The processor applies the
    others.

    Args:
        ratio: 0 to 1.
        ratios: ratios by site and route.
    """

    def __init__(self, ratio: float, ratios: Ratios | None = None) -> None:
        if not 0 <= ratio <= 1:
            raise ValueError(f"ratio={ratio!r}: wanted a number from 0 to 1")
        self._ratio = ratio if ratios is None else ratios.lowest
        self.threshold = threshold_of(self._ratio)
        """The lowest randomness of a trace that is sampled."""
        self.state = sampled(self.threshold)
        """The tracestate of one that is sampled."""

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
        parent = trace.get_current_span(parent_context).get_span_context()
        if parent.is_valid:
            decision = (
                Decision.RECORD_AND_SAMPLE if parent.trace_flags.sampled else Decision.RECORD_ONLY
            )
            return SamplingResult(decision, attributes, parent.trace_state)
        cause = local_cause(links or ())
        randomness = randomness_of(trace_id if cause is None else cause)
        if randomness < self.threshold:
            return SamplingResult(Decision.RECORD_ONLY, attributes)
        state = self.state
        if cause is not None:
            # The randomness is not that of this trace's id, so it is recorded as `rv`.
            state = sampled(self.threshold, randomness)
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)

    def get_description(self) -> str:
        """The sampler's name and ratio."""
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
