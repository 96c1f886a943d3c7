"""Query folding: fast queries become query statistics on the local root span."""

from __future__ import annotations

from collections import OrderedDict
from threading import RLock
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor

from telemetry.datasette.light import LightDatasetteSpan
from telemetry.datasette.open_spans import LocalTrace, OtherSpan, stay
from telemetry.datasette.queries import ROLES, Role, is_remarkable, role_of
from telemetry.datasette.query_statistics import Details, QueryStatistics
from telemetry.export.ended_spans import SpanCopy
from telemetry.failsafe import failed
from telemetry.forks import renew_in_children
from telemetry.registry import attributes as a
from telemetry.registry.datasette import WAIT
from telemetry.request import request_record
from telemetry.settings import variables as v
from telemetry.traces.causes import local_cause
from telemetry.traces.light import LightSpan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from telemetry.datasette.open_spans import OpenSpan

# Open spans, and statements in all open query statistics: enough for a process that serves some
# ten thousand requests at once.
MAX_OPEN = 100_000
MAX_DETAILS = 50_000
# Requests whose background writes may start later.
MAX_SITES = 10_000

# Read once, since an enumeration looks its members up in Python.
_QUERY, _PHASE, _OTHER = Role.QUERY, Role.PHASE, Role.OTHER

# By its class: `isinstance` takes longer, since the API's class of spans is abstract.
_LIGHT: frozenset[type[object]] = frozenset({LightSpan, LightDatasetteSpan})


class DatasetteSpanProcessor(SpanProcessor):
    """Sets the site on every span, and folds Datasette's fast queries into the local root span.

    Works with any tracer provider, in front of the processor that exports.

    A query is folded if SQLite took less than ``fold_below``, the query succeeded and
    its result was not truncated. Its spans are not exported: the local root, which is the
    request's SERVER span, has the attributes ``corkboard.queries.*`` instead. A query that
    failed, was slow, or contains another span is exported, and so is each query around it.

    The site is the one that ``telemetry.set_site`` set. Without the edge, ``set_site``
    sets it on the current span, and the processor reads it from the local root. A span
    without a parent but with a link, such as a background write, has the site of the
    linked trace.

    Args:
        exporting: the processor that gets the spans that are not folded.
        fold_below: execution time in seconds, without waiting for a thread; 0 folds nothing.

    Example:
        >>> from opentelemetry.sdk.trace import TracerProvider
        >>> from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
        >>> provider = TracerProvider()
        >>> exporting = SimpleSpanProcessor(ConsoleSpanExporter())
        >>> provider.add_span_processor(telemetry.DatasetteSpanProcessor(exporting))
    """

    def __init__(
        self, exporting: SpanProcessor, *, fold_below: float = v.FOLD_BELOW.default
    ) -> None:
        self._exporting = exporting
        self._slow = round(fold_below * 1e9)
        # Reentrant, as that of the statistics.
        self._lock = RLock()
        renew_in_children(self, "_lock")
        # Open spans by span id: the parent's entry gives a child its local trace.
        self._open: dict[int, OpenSpan] = {}
        self._details = Details(MAX_DETAILS)
        # By trace id, for spans that link to the trace later.
        self._sites: OrderedDict[int, Any] = OrderedDict()

    @property
    def folded(self) -> int:
        """Number of spans that were folded into query statistics, and added up there."""
        return self._details.spans

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        try:
            kind = span.__class__
            if kind in _LIGHT:
                # Runs twice for each query.
                light: Any = span
                role = ROLES.get(light.name, _OTHER) if kind is LightDatasetteSpan else _OTHER
                parent = self._open.get(light.parent_id)
                if role is _PHASE and parent is not None and parent.phases is not None:
                    # As `_started`, without its call.
                    self._open[light.span_id] = parent
                    if len(self._open) > MAX_OPEN:
                        self._forget_oldest()
                    return
                within = self._started(span, role, light.span_id, parent)
                # Its own attribute is set when it ends, unless it is folded.
                record = light.request
                if record is not None and record.site and light.trace_id not in self._sites:
                    self._remember_site(light.trace_id, record.site)
                if within is light:
                    # A query is folded in most cases: those behind learn of it at its end.
                    return
            else:
                parent_id = span.parent.span_id if span.parent is not None else 0
                span_id = span.get_span_context().span_id
                parent = self._open.get(parent_id)
                within = self._started(span, role_of(span), span_id, parent)
                self._name_site(span, within.local)
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("datasette.span_processor", error)
        self._exporting.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        remaining: Sequence[ReadableSpan] = (span,)
        try:
            light: Any = span
            if span.__class__ in _LIGHT:
                opened = self._open.pop(light.span_id, None)
                # A light query is its own entry.
                is_phase = opened is not light
            else:
                context = span.get_span_context()
                opened = self._open.pop(context.span_id, None) if context is not None else None
                is_phase = role_of(span) is _PHASE
            if opened is None:
                # It was forgotten.
                if span.__class__ in _LIGHT:
                    light.clean()
            elif opened.phases is None:
                remaining = self._ended(span, opened)
            elif is_phase:
                opened.phases.append(span)
                if light.name != WAIT:
                    took = light.end_time - light.start_time
                    opened.execution = took + (opened.execution or 0)
                if is_remarkable(span):
                    stay(opened)
                return
            else:
                remaining = self._query_ended(span, opened, opened.phases)
        except Exception as error:  # noqa: BLE001
            failed("datasette.span_processor", error)
        for each in remaining:
            self._exporting.on_end(each)

    def queries(self, span_id: int) -> tuple[int, float]:
        """Number and execution time in seconds of the ended queries in an open span's local trace.

        Counts queries that were not folded, too. Returns ``(0, 0.0)`` for an unknown span.
        """
        with self._lock:
            opened = self._open.get(span_id)
            if opened is None:
                return 0, 0.0
            local = opened.local
            statistics = local.statistics
            folded, execution = (0, 0) if statistics is None else statistics.totals()
            return local.kept + folded, (local.kept_execution + execution) / 1e9

    def shutdown(self) -> None:
        """Shut the exporting processor down. Spans that are still open are not exported."""
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporting.force_flush(timeout_millis)

    def _started(self, span: Span, role: Role, span_id: int, parent: OpenSpan | None) -> OpenSpan:
        """Keep an open span, and return its entry: that of its query for a phase."""
        # Without a lock: each change of the dictionary is whole.
        opened: OpenSpan
        if parent is None:
            opened = OtherSpan(LocalTrace(span))
        elif role is _PHASE and parent.phases is not None:
            # A span within a phase is a span within the query.
            opened = parent
        elif role is _QUERY and span.__class__ is LightDatasetteSpan:
            light: Any = span
            light.local, light.above, light.phases = parent.local, parent, []
            light.execution, light.stays = None, False
            opened = light
        else:
            opened = OtherSpan(parent.local, parent, is_query=role is _QUERY)
            if role is not _QUERY:
                stay(parent)
        self._open[span_id] = opened
        if len(self._open) > MAX_OPEN:
            self._forget_oldest()
        return opened

    def _forget_oldest(self) -> None:
        # The oldest span may never end. If it does, it is exported unchanged.
        with self._lock:
            oldest = self._open.pop(next(iter(self._open)), None)
        if oldest is not None and oldest.above is None:
            oldest.local.has_ended = True
            if oldest.local.statistics is not None:
                oldest.local.statistics.close()

    def _ended(self, span: ReadableSpan, opened: OpenSpan) -> Sequence[ReadableSpan]:
        kind, local = span.__class__, opened.local
        if kind in _LIGHT:
            light: Any = span
            if kind is not LightSpan:
                light.clean()
            self._name_site(light, local)
            # It refers to the request's span, which would be a reference cycle.
            light.request = None
        if opened.above is None:
            # Without a lock, by the order of both: see `_statistics_of`.
            local.has_ended = True
            if local.statistics is not None:
                return (self._with_statistics(span, local.statistics),)
        return (span,)

    def _query_ended(
        self, span: ReadableSpan, opened: OpenSpan, phases: list[ReadableSpan]
    ) -> Sequence[ReadableSpan]:
        # Runs for each query.
        light: Any = span
        whole = light.end_time - light.start_time
        execution = opened.execution
        if execution is None:
            # Without phases, the query ran in its caller's thread.
            execution = whole
        if execution >= self._slow or is_remarkable(span):
            stay(opened)
        local = opened.local
        if local.has_ended:
            # The query has outlived the local root, which has the statistics.
            stay(opened)
        if not opened.stays:
            known = light.values if span.__class__ is LightDatasetteSpan else span.attributes or {}
            statistics = local.statistics or self._statistics_of(local)
            statistics.add(known, whole, execution, 1 + len(phases))
            # They refer to the query, which would be a reference cycle.
            phases.clear()
            return ()
        with self._lock:
            local.kept += 1
            local.kept_execution += execution
        for each in (span, *phases):
            if each.__class__ in _LIGHT:
                light = each
                light.clean()
                self._name_site(light, local)
        remaining = *phases, span
        phases.clear()
        return remaining

    def _with_statistics(self, span: ReadableSpan, statistics: QueryStatistics) -> ReadableSpan:
        extra = statistics.attributes()
        statistics.close()
        if span.__class__ in _LIGHT:
            light: Any = span
            light.values.update(extra)
            return span
        return SpanCopy(span, extra)

    def _statistics_of(self, local: LocalTrace) -> QueryStatistics:
        # Not within the lock: a finalizer may run there, and add a query.
        made = QueryStatistics(self._details)
        with self._lock:
            if local.statistics is None:
                local.statistics = made
                if local.has_ended:
                    # Just now, on another thread.
                    made.close()
            return local.statistics

    def _name_site(self, span: Any, local: LocalTrace) -> None:
        """Set the site, on a light span that has ended or on another one that has started."""
        is_light = span.__class__ in _LIGHT
        record = span.request if is_light else request_record()
        site: Any = record.site if record is not None else None
        if site is None:
            root: Any = local.root
            kind: Any = root.__class__
            known = root.values if kind in _LIGHT else root.attributes
            site = known.get(a.SITE) if known else None
            # The span of most requests is of the first class.
            if site is None and kind is not LightSpan and root is span and role_of(span) is _PHASE:
                site = self._sites.get(local_cause(span.links) or 0)
            if site is None:
                return
        if is_light:
            span.values.setdefault(a.SITE, site)
        else:
            span.set_attribute(a.SITE, site)
        trace_id = span.trace_id if is_light else span.get_span_context().trace_id
        if trace_id not in self._sites:
            self._remember_site(trace_id, site)

    def _remember_site(self, trace_id: int, site: Any) -> None:
        with self._lock:
            self._sites[trace_id] = site
            if len(self._sites) > MAX_SITES:
                self._sites.popitem(last=False)
