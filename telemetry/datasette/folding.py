"""Query folding: fast queries become query statistics on the local root span."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor

from telemetry.datasette.queries import is_phase, is_query, is_remarkable, read_query
from telemetry.datasette.query_statistics import Details, QueryStatistics
from telemetry.export.ended_spans import SpanCopy
from telemetry.failsafe import failed
from telemetry.registry import attributes as a
from telemetry.request import request_record
from telemetry.settings import variables as v
from telemetry.traces.causes import local_cause

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


class DatasetteSpanProcessor(SpanProcessor):
    """Sets the site on every span, and folds Datasette's fast queries into the local root span.

    Works with any tracer provider, in front of the processor that exports::

        exporting = BatchSpanProcessor(OTLPSpanExporter())
        provider.add_span_processor(telemetry.DatasetteSpanProcessor(exporting))

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
    """

    def __init__(
        self, exporting: SpanProcessor, *, fold_below: float = v.FOLD_BELOW.default
    ) -> None:
        self._exporting = exporting
        self._slow = round(fold_below * 1e9)
        self._lock = Lock()
        # Open spans by span id: the parent's entry gives a child its local trace.
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._details = Details(MAX_DETAILS)
        # By trace id, for spans that link to the trace later.
        self._sites: OrderedDict[int, Any] = OrderedDict()
        self.folded = 0
        """Number of spans that were folded into query statistics."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        try:
            with self._lock:
                opened = self._opened(span)
            self._name_site(span, opened.local)
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("datasette.span_processor", error)
        self._exporting.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        remaining: Sequence[ReadableSpan] = (span,)
        try:
            with self._lock:
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
            return (opened.local.queries, opened.local.execution / 1e9) if opened else (0, 0.0)

    def shutdown(self) -> None:
        """Shut the exporting processor down. Spans that are still open are not exported."""
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporting.force_flush(timeout_millis)

    def _opened(self, span: Span) -> _Open:
        parent = self._open.get(span.parent.span_id) if span.parent is not None else None
        if parent is None:
            opened = _Open(_LocalTrace(span, QueryStatistics(self._details)))
        elif is_phase(span) and parent.query is not None:
            # A span within a phase is a span within the query.
            opened = parent
        else:
            opened = _Open(parent.local, above=parent)
            if not is_query(span):
                parent.stay()
        if is_query(span) and parent is not None:
            opened.query = []
        context = span.get_span_context()
        if context is not None:
            self._open[context.span_id] = opened
        if len(self._open) > MAX_OPEN:
            # The oldest span may never end. If it does, it is exported unchanged.
            _, oldest = self._open.popitem(last=False)
            if oldest.is_root:
                oldest.local.statistics.close()
        return opened

    def _ended(self, span: ReadableSpan) -> Sequence[ReadableSpan]:
        context = span.get_span_context()
        opened = self._open.pop(context.span_id, None) if context is not None else None
        if opened is None:
            return (span,)
        if opened.is_root:
            statistics = opened.local.statistics
            extra = statistics.attributes()
            statistics.close()
            return (SpanCopy(span, extra) if extra else span,)
        if opened.query is None:
            return (span,)
        if is_phase(span):
            opened.query.append(span)
            return ()
        query = read_query(span, opened.query)
        opened.local.queries += 1
        opened.local.execution += query.execution
        if query.execution >= self._slow or any(map(is_remarkable, (span, *opened.query))):
            opened.stay()
        if opened.stays:
            return (*opened.query, span)
        opened.local.statistics.add(query)
        self.folded += 1 + len(opened.query)
        return ()

    def _name_site(self, span: Span, local: _LocalTrace) -> None:
        context = span.get_span_context()
        record = request_record()
        site: Any = record.site if record is not None else None
        if site is None:
            site = (local.root.attributes or {}).get(a.SITE)
        if site is None and local.root is span and is_phase(span):
            site = self._sites.get(local_cause(span.links) or 0)
        if site is None or context is None:
            return
        span.set_attribute(a.SITE, site)
        if context.trace_id not in self._sites:
            with self._lock:
                self._sites[context.trace_id] = site
                if len(self._sites) > MAX_SITES:
                    self._sites.popitem(last=False)


class _LocalTrace:
    """One local root span, and the statistics of all queries below it in this process."""

    __slots__ = ("execution", "queries", "root", "statistics")

    def __init__(self, root: Span, statistics: QueryStatistics) -> None:
        self.root = root
        self.statistics = statistics
        # All queries that have ended, and their execution time in nanoseconds.
        self.queries = 0
        self.execution = 0


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
