"""Full detail where it matters: a page's hundred fast queries become an account on one span."""

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

# What is open at one time, of a process that serves some ten thousand requests at once.
MAX_OPEN = 100_000
MAX_DETAILS = 50_000
# Of as many requests may writes come later that they did not wait for.
MAX_SITES = 10_000


class DatasetteSpanProcessor(SpanProcessor):
    """Names the site on every span, and folds Datasette's fast queries into the span above all.

    Between a tracer provider of anybody's and the processor that exports::

        exporting = BatchSpanProcessor(OTLPSpanExporter())
        provider.add_span_processor(telemetry.DatasetteSpanProcessor(exporting))

    A query that took SQLite less than ``fold_below``, succeeded and was not truncated
    is no span of its own: the local root, which is the request's SERVER span,
    carries ``corkboard.queries.*`` instead. What fails, is slow, or has
    another span in it stays, with all that is around it.

    The site is the one that ``telemetry.set_site`` named. Without our edge that
    is kept on the span that is current then, and comes from the local root. What
    has no parent but a link, as a write that nobody waits for, is of its link's site.

    Args:
        exporting: gets what remains.
        fold_below: seconds of execution, waiting for a thread left out; 0 folds nothing.
    """

    def __init__(
        self, exporting: SpanProcessor, *, fold_below: float = v.FOLD_BELOW.default
    ) -> None:
        self._exporting = exporting
        self._slow = round(fold_below * 1e9)
        self._lock = Lock()
        # By span id, the open ones: a child finds what it is part of by its parent.
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._details = Details(MAX_DETAILS)
        # By trace id, for what is linked to it later.
        self._sites: OrderedDict[int, Any] = OrderedDict()
        self.folded = 0
        """Spans that became a part of an account."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """OpenTelemetry's contract."""
        try:
            with self._lock:
                opened = self._opened(span)
            self._name_site(span, opened.local)
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("datasette.span_processor", error)
        self._exporting.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """OpenTelemetry's contract."""
        remaining: Sequence[ReadableSpan] = (span,)
        try:
            with self._lock:
                remaining = self._ended(span)
        except Exception as error:  # noqa: BLE001
            failed("datasette.span_processor", error)
        for each in remaining:
            self._exporting.on_end(each)

    def queries(self, span_id: int) -> tuple[int, float]:
        """Of the local trace that an open span is in: queries that have ended, and their seconds.

        Folded or not; nothing, where the span is not known.
        """
        with self._lock:
            opened = self._open.get(span_id)
            return (opened.local.queries, opened.local.execution / 1e9) if opened else (0, 0.0)

    def shutdown(self) -> None:
        """OpenTelemetry's contract. What is still open will come too late."""
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """OpenTelemetry's contract."""
        return self._exporting.force_flush(timeout_millis)

    def _opened(self, span: Span) -> _Open:
        parent = self._open.get(span.parent.span_id) if span.parent is not None else None
        if parent is None:
            opened = _Open(_LocalTrace(span, QueryStatistics(self._details)))
        elif is_phase(span) and parent.query is not None:
            # Whatever happens within a part happens within the query.
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
            # It has not ended for long, and may never: its own end is then passed on as it is.
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
    """What happens in this process below one span that has no parent here."""

    __slots__ = ("execution", "queries", "root", "statistics")

    def __init__(self, root: Span, statistics: QueryStatistics) -> None:
        self.root = root
        self.statistics = statistics
        # All that have ended; nanoseconds.
        self.queries = 0
        self.execution = 0


class _Open:
    """A span that has not ended, or a query with its phases."""

    __slots__ = ("_above", "local", "query", "stays")

    def __init__(self, local: _LocalTrace, above: _Open | None = None) -> None:
        self.local = local
        self._above = above
        # The ended phases, where it is a query.
        self.query: list[ReadableSpan] | None = None
        self.stays = False

    @property
    def is_root(self) -> bool:
        """Whether it is the local root."""
        return self._above is None

    def stay(self) -> None:
        """Be seen, and with it every query that it happens within."""
        opened: _Open | None = self
        while opened is not None and not opened.stays:
            opened.stays = True
            opened = opened._above
