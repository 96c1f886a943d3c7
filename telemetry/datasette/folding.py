"""Query folding: fast queries become query statistics on the local root span."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor

from telemetry.datasette.light import LightPhaseSpan, LightQuerySpan
from telemetry.datasette.queries import Role, is_remarkable, read_query, role_of
from telemetry.datasette.query_statistics import Details, QueryStatistics
from telemetry.export.ended_spans import SpanCopy
from telemetry.failsafe import failed
from telemetry.forks import renew_in_children
from telemetry.registry import attributes as a
from telemetry.request import request_record
from telemetry.settings import variables as v
from telemetry.traces.causes import local_cause
from telemetry.traces.light import LightSpan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

# Open spans, and statements in all open query statistics: enough for a process that serves some
# ten thousand requests at once.
MAX_OPEN = 100_000
MAX_DETAILS = 50_000
# Requests whose background writes may start later.
MAX_SITES = 10_000

# Read once, since an enumeration looks its members up in Python.
_QUERY, _PHASE = Role.QUERY, Role.PHASE

# By its class: `isinstance` takes longer, since the API's class of spans is abstract.
_LIGHT: dict[type[object], Role] = {
    LightSpan: Role.OTHER,
    LightQuerySpan: Role.QUERY,
    LightPhaseSpan: Role.PHASE,
}


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
        self._lock = Lock()
        renew_in_children(self, "_lock")
        # Open spans by span id: the parent's entry gives a child its local trace.
        self._open: dict[int, _Open] = {}
        self._details = Details(MAX_DETAILS)
        # By trace id, for spans that link to the trace later.
        self._sites: OrderedDict[int, Any] = OrderedDict()
        self.folded = 0
        """Number of spans that were folded into query statistics."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        try:
            role = _LIGHT.get(span.__class__)
            if role is not None:
                light: Any = span
                opened = self._started(span, role, light.span_id, light.parent_id)
                if role is _PHASE and opened.query is not None:
                    return
                # Its own attribute is set when it ends, unless it is folded.
                record = light.request
                if record is not None and record.site and light.trace_id not in self._sites:
                    self._remember_site(light.trace_id, record.site)
                if opened.query is not None:
                    # It is folded in most cases, and the processors behind learn of it at its end.
                    return
            else:
                parent_id = span.parent.span_id if span.parent is not None else 0
                span_id = span.get_span_context().span_id
                opened = self._started(span, role_of(span), span_id, parent_id)
                self._name_site(span, opened.local)
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("datasette.span_processor", error)
        self._exporting.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        remaining: Sequence[ReadableSpan] = (span,)
        try:
            remaining = self._ended(span)
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
            folded, execution = local.statistics.totals()
            return local.kept + folded, (local.kept_execution + execution) / 1e9

    def shutdown(self) -> None:
        """Shut the exporting processor down. Spans that are still open are not exported."""
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporting.force_flush(timeout_millis)

    def _started(self, span: Span, role: Role, span_id: int, parent_id: int) -> _Open:
        # Without a lock: each change of the dictionary is whole.
        parent = self._open.get(parent_id)
        if parent is None:
            opened = _Open(_LocalTrace(span, QueryStatistics(self._details)))
        elif role is _PHASE and parent.query is not None:
            # A span within a phase is a span within the query.
            opened = parent
        else:
            opened = _Open(parent.local, above=parent)
            if role is _QUERY:
                opened.query = []
            else:
                parent.stay()
        self._open[span_id] = opened
        if len(self._open) > MAX_OPEN:
            self._forget_oldest()
        return opened

    def _forget_oldest(self) -> None:
        # The oldest span may never end. If it does, it is exported unchanged.
        with self._lock:
            oldest = self._open.pop(next(iter(self._open)), None)
            if oldest is not None and oldest.is_root:
                oldest.local.statistics.close()

    def _ended(self, span: ReadableSpan) -> Sequence[ReadableSpan]:
        light: Any = span
        role = _LIGHT.get(span.__class__)
        is_light = role is not None
        if is_light:
            opened = self._open.pop(light.span_id, None)
        else:
            role, context = role_of(span), span.get_span_context()
            opened = self._open.pop(context.span_id, None) if context is not None else None
        if opened is None:
            return (span,)
        if opened.query is None:
            if is_light:
                light.clean()
                self._name_site(light, opened.local)
            return (self._with_statistics(span, opened.local),) if opened.is_root else (span,)
        if role is _PHASE:
            opened.query.append(span)
            return ()
        return self._query_ended(span, opened, opened.query)

    def _query_ended(
        self, span: ReadableSpan, opened: _Open, phases: list[ReadableSpan]
    ) -> Sequence[ReadableSpan]:
        query = read_query(span, phases)
        execution = query.execution
        if execution >= self._slow or is_remarkable(span):
            opened.stay()
        else:
            for phase in phases:
                if is_remarkable(phase):
                    opened.stay()
        local = opened.local
        with self._lock:
            if not opened.stays:
                local.statistics.add(query)
                self.folded += 1 + len(phases)
                return ()
            local.kept += 1
            local.kept_execution += execution
        for each in (span, *phases):
            if each.__class__ in _LIGHT:
                light: Any = each
                light.clean()
                self._name_site(light, local)
        return (*phases, span)

    def _with_statistics(self, span: ReadableSpan, local: _LocalTrace) -> ReadableSpan:
        with self._lock:
            extra = local.statistics.attributes()
            local.statistics.close()
        if not extra:
            return span
        if span.__class__ in _LIGHT:
            light: Any = span
            light.values.update(extra)
            return span
        return SpanCopy(span, extra)

    def _name_site(self, span: Any, local: _LocalTrace) -> None:
        """Set the site, on a light span that has ended or on another one that has started."""
        is_light = span.__class__ in _LIGHT
        record = span.request if is_light else request_record()
        site: Any = record.site if record is not None else None
        if site is None:
            site = (local.root.attributes or {}).get(a.SITE)
        if site is None and local.root is span and role_of(span) is Role.PHASE:
            site = self._sites.get(local_cause(span.links) or 0)
        if site is None:
            return
        if is_light:
            span.values.setdefault(a.SITE, site)
        else:
            span.set_attribute(a.SITE, site)
        trace_id = span.get_span_context().trace_id
        if trace_id not in self._sites:
            self._remember_site(trace_id, site)

    def _remember_site(self, trace_id: int, site: Any) -> None:
        with self._lock:
            self._sites[trace_id] = site
            if len(self._sites) > MAX_SITES:
                self._sites.popitem(last=False)


class _LocalTrace:
    """One local root span, and the statistics of all queries below it in this process."""

    __slots__ = ("kept", "kept_execution", "root", "statistics")

    def __init__(self, root: Span, statistics: QueryStatistics) -> None:
        self.root = root
        self.statistics = statistics
        # Queries that have ended and were not folded, and their execution time in nanoseconds.
        self.kept = 0
        self.kept_execution = 0


class _Open:
    """An open span, or an open query with its phases."""

    __slots__ = ("_above", "local", "query", "stays")

    def __init__(self, local: _LocalTrace, above: _Open | None = None) -> None:
        self.local = local
        self._above = above
        # The ended phases of a query; None for other spans.
        self.query: list[ReadableSpan] | None = None
        self.stays = False

    @property
    def is_root(self) -> bool:
        """Whether this is the local root."""
        return self._above is None

    def stay(self) -> None:
        """Do not fold this query, nor any query that contains it."""
        opened: _Open | None = self
        while opened is not None and not opened.stays:
            opened.stays = True
            opened = opened._above
