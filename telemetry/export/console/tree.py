"""Formats one trace as lines of text, and marks slow and failed spans."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from telemetry.export.console.stack import exceptions
from telemetry.export.ended_spans import duration
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d
from telemetry.terminal import (
    BOLD,
    CYAN,
    DIM,
    GREEN,
    RED,
    YELLOW,
    columns,
    fit,
    fit_both_ends,
    milliseconds,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.export.console.traces import Trace
    from telemetry.terminal import Terminal

# More siblings of one name than this become one line with their number and total time.
FOLD_ABOVE = 3
MAX_DEPTH = 8
# A span is marked as slow from this share of its root's duration, and at least this duration.
SLOW_SHARE = 1 / 3
SLOW_SECONDS = 0.1
# The least columns for a trace id (eight digits and the ellipsis) and for a title.
_SHORT_ID = 9
_SHORT_TITLE = 10


def render(
    trace: Trace, terminal: Terminal, *, compact: bool = False, trace_url: str | None = None
) -> list[str]:
    """Return the lines of a trace whose local root is its last span.

    Each line fits the terminal, except the address of the trace's page: a shortened address
    would lead nowhere.
    """
    root = trace.spans[-1]
    context = root.get_span_context()
    trace_id = f"{context.trace_id:032x}" if context is not None else ""
    if compact or _is_client_error(root):
        return [_headline(root, terminal, trace_id)]
    page = trace_url.replace("{trace_id}", trace_id) if trace_url else ""
    lines = [_headline(root, terminal, "" if page else trace_id)]
    children: dict[int, list[ReadableSpan]] = defaultdict(list)
    for span in trace.spans[:-1]:
        if span.parent is not None:
            children[span.parent.span_id].append(span)
    for siblings in children.values():
        siblings.sort(key=lambda span: span.start_time or 0)
    branches = _Branches(children, terminal, _seconds(root))
    lines += exceptions(root, "  ", terminal, branches.printed)
    lines += _statistics(root, "  ", terminal)
    lines += branches.of(root, "  ", 1)
    if trace.left_out:
        lines.append(terminal.paint(f"  … {trace.left_out} more spans", DIM))
    if page:
        lines.append(f"  {terminal.paint(printable(page), DIM)}")
    return lines


def _is_client_error(span: ReadableSpan) -> bool:
    # One line is enough: scanners request many paths that don't exist.
    status = (span.attributes or {}).get(a.HTTP_RESPONSE_STATUS_CODE)
    return isinstance(status, int) and 400 <= status < 500


def _headline(span: ReadableSpan, terminal: Terminal, trace_id: str) -> str:
    known = span.attributes or {}
    status = known.get(a.HTTP_RESPONSE_STATUS_CODE)
    failed = span.status.status_code is StatusCode.ERROR
    code = status if isinstance(status, int) else 0
    color = RED if failed or code >= 500 else YELLOW if code >= 400 else GREEN
    outcome = known.get(a.OUTCOME)
    parts = [
        terminal.paint(str(status), color) if status else "",
        terminal.paint(milliseconds(_seconds(span)), YELLOW if _seconds(span) > 1 else DIM),
        terminal.paint(str(known[a.SITE]), CYAN) if a.SITE in known else "",
        terminal.paint(str(outcome), RED) if outcome not in (None, "served", "error") else "",
    ]
    rest = " ".join(part for part in parts if part)
    room = terminal.width - terminal.columns(rest) - 1
    # In a narrow terminal, the first digits of the id are enough to find the trace.
    least = len(" trace ") + _SHORT_ID
    if room - least < _SHORT_TITLE:
        trace_id = ""
    room -= least if trace_id else 0
    title = printable(_title(span))
    if columns(title) > room:
        title = fit(printable(_title(span, with_route=False)), max(room, _SHORT_TITLE))
    line = f"{terminal.paint(title, BOLD)} {rest}"
    if not trace_id:
        return line
    room = terminal.width - terminal.columns(line) - len(" trace ")
    return f"{line} {terminal.paint(f'trace {fit(trace_id, room)}', DIM)}"


def _title(span: ReadableSpan, *, with_route: bool = True) -> str:
    known = span.attributes or {}
    path, route = known.get(a.URL_PATH), known.get(a.HTTP_ROUTE)
    if path is None:
        # The message template of Logfire's functions with its values filled in.
        return str(known.get(a.LOGFIRE_MESSAGE, span.name))
    method = known.get(a.HTTP_REQUEST_METHOD, "")
    shown = f"{method} {fit(str(path), 60)}"
    return f"{shown} ({route})" if with_route and route not in (None, path) else shown


class _Branches:
    """Formats the spans below a root, depth first, with siblings of one name in one line.

    A span is marked as slow if it took a third of its root's duration, and at least 0.1 s.
    """

    def __init__(
        self, children: dict[int, list[ReadableSpan]], terminal: Terminal, root_seconds: float
    ) -> None:
        self._children = children
        self._terminal = terminal
        self.printed: set[str] = set()
        self._slow = max(root_seconds * SLOW_SHARE, SLOW_SECONDS)

    def of(self, parent: ReadableSpan, indent: str, depth: int) -> Iterator[str]:
        """Yield the lines of a span's descendants."""
        context = parent.get_span_context()
        if context is None or depth > MAX_DEPTH:
            return
        children = self._children
        siblings = [s for s in children.get(context.span_id, ()) if s.name != d.EXECUTE]
        names: dict[str, list[ReadableSpan]] = defaultdict(list)
        for span in siblings:
            names[span.name].append(span)
        printed: set[str] = set()
        for span in siblings:
            alike = [s for s in names[span.name] if not self._must_show(s)]
            if len(alike) > FOLD_ABOVE and not self._must_show(span):
                if span.name not in printed:
                    printed.add(span.name)
                    yield _folded(alike, indent, self._terminal)
                continue
            yield self._line(span, indent)
            yield from exceptions(span, indent + "  ", self._terminal, self.printed)
            yield from self.of(span, indent + "  ", depth + 1)

    def _must_show(self, span: ReadableSpan) -> bool:
        """Whether a span gets a line to itself: it failed, was slow, or has children."""
        context = span.get_span_context()
        inside = self._children.get(context.span_id, ()) if context else ()
        failed = span.status.status_code is StatusCode.ERROR
        return failed or self._is_slow(span) or any(s.name != d.EXECUTE for s in inside)

    def _is_slow(self, span: ReadableSpan) -> bool:
        return _seconds(span) >= self._slow

    def _line(self, span: ReadableSpan, indent: str) -> str:
        failed, slow = span.status.status_code is StatusCode.ERROR, self._is_slow(span)
        lead = f"{indent}{milliseconds(_seconds(span)):>9}{'!' if slow else ' '} "
        text = fit(printable(f"{_title(span)}{_detail(span)}"), self._terminal.width - len(lead))
        return lead + self._terminal.paint(text, *((RED,) if failed else (YELLOW,) if slow else ()))


def _folded(spans: list[ReadableSpan], indent: str, terminal: Terminal) -> str:
    longest = max(spans, key=_seconds)
    lead = f"{indent}{milliseconds(sum(map(_seconds, spans))):>9}  "
    text = f"{len(spans)} x {spans[0].name}, longest {milliseconds(_seconds(longest))}"
    text = printable(f"{text}{_detail(longest)}")
    return lead + terminal.paint(fit(text, terminal.width - len(lead)), DIM)


def _statistics(span: ReadableSpan, indent: str, terminal: Terminal) -> Iterator[str]:
    """Yield the query statistics of a span: total, costliest statement and repeated statements."""
    known: Any = span.attributes or {}
    count = known.get(a.QUERIES)
    if count is None:
        return
    lead = f"{indent}{milliseconds(known[a.QUERIES_EXECUTION]):>9}  "
    text = f"{count} queries, longest {milliseconds(known[a.QUERIES_LONGEST])}"
    for statement in known.get(a.STATEMENTS, ())[:1]:
        text = f"{text}: {statement}"
    yield lead + terminal.paint(fit(printable(text), terminal.width - len(lead)), DIM)
    lead = f"{indent}{'':>9}  "
    for statement, times in zip(
        known.get(a.REPEATED, ()), known.get(a.REPEATED_COUNT, ()), strict=False
    ):
        # Both ends are shown: Datasette's own statements also begin alike.
        text = fit_both_ends(
            printable(f"N+1: {times} alike: {statement}"), terminal.width - len(lead)
        )
        yield lead + terminal.paint(text, YELLOW)


def _detail(span: ReadableSpan) -> str:
    known = span.attributes or {}
    what = known.get(d.TEXT) or known.get(d.CALLBACK)
    database = known.get(d.DATABASE)
    where = f" {database}" if database else ""
    return f"{where}: {fit(str(what), 300)}" if what else where


def _seconds(span: ReadableSpan) -> float:
    return duration(span) / 1e9
