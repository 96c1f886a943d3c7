"""One trace as lines of text: what happened, in which order, and what was slow or failed."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from telemetry.registry import attributes as a
from telemetry.terminal import (
    BOLD,
    CYAN,
    DIM,
    GREEN,
    RED,
    YELLOW,
    fit,
    fit_both_ends,
    milliseconds,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.exporters.console.traces import Trace
    from telemetry.terminal import Terminal

# More like-named siblings than this become one line with their number and time.
FOLD_ABOVE = 3
MAX_DEPTH = 8
# Its time is shown on the query's own line.
EXECUTE = "db.query.execute"
# What stands before a module's own path, and pushes the line number off the screen.
_FOLDER = re.compile(rf'"(?:.*/site-packages/|{re.escape(os.getcwd())}/)')


def render(trace: Trace, terminal: Terminal, *, compact: bool = False) -> list[str]:
    """The lines of a trace whose root is its last span."""
    root = trace.spans[-1]
    lines = [_headline(root, terminal)]
    if compact or _is_client_error(root):
        return lines
    children: dict[int, list[ReadableSpan]] = defaultdict(list)
    for span in trace.spans[:-1]:
        if span.parent is not None:
            children[span.parent.span_id].append(span)
    for siblings in children.values():
        siblings.sort(key=lambda span: span.start_time or 0)
    lines += _exceptions(root, "  ", terminal)
    lines += _account(root, "  ", terminal)
    lines += _branches(root, children, "  ", 1, terminal)
    if trace.left_out:
        lines.append(terminal.paint(f"  … {trace.left_out} more spans", DIM))
    return lines


def _is_client_error(span: ReadableSpan) -> bool:
    # Scanners ask for a lot that isn't there; nobody reads how it wasn't found.
    status = (span.attributes or {}).get(a.HTTP_RESPONSE_STATUS_CODE)
    return isinstance(status, int) and 400 <= status < 500


def _headline(span: ReadableSpan, terminal: Terminal) -> str:
    known = span.attributes or {}
    status = known.get(a.HTTP_RESPONSE_STATUS_CODE)
    failed = span.status.status_code is StatusCode.ERROR
    code = status if isinstance(status, int) else 0
    color = RED if failed or code >= 500 else YELLOW if code >= 400 else GREEN
    context = span.get_span_context()
    outcome = known.get(a.OUTCOME)
    parts = [
        terminal.paint(printable(_title(span)), BOLD),
        terminal.paint(str(status), color) if status else "",
        terminal.paint(milliseconds(_seconds(span)), YELLOW if _seconds(span) > 1 else DIM),
        terminal.paint(str(known[a.SITE]), CYAN) if a.SITE in known else "",
        terminal.paint(str(outcome), RED) if outcome not in (None, "served", "error") else "",
    ]
    line = " ".join(part for part in parts if part)
    if context is None:
        return line
    # The first digits find a trace as well as all of them, where there is no room.
    room = terminal.width - terminal.columns(line) - len(" trace ")
    trace_id = fit(f"{context.trace_id:032x}", max(room, 9))
    return f"{line} {terminal.paint(f'trace {trace_id}', DIM)}"


def _title(span: ReadableSpan) -> str:
    known = span.attributes or {}
    path, route = known.get(a.URL_PATH), known.get(a.HTTP_ROUTE)
    if path is None:
        return span.name
    method = known.get(a.HTTP_REQUEST_METHOD, "")
    shown = f"{method} {fit(str(path), 60)}"
    return f"{shown} ({route})" if route not in (None, path) else shown


def _branches(
    parent: ReadableSpan,
    children: dict[int, list[ReadableSpan]],
    indent: str,
    depth: int,
    terminal: Terminal,
) -> Iterator[str]:
    context = parent.get_span_context()
    if context is None or depth > MAX_DEPTH:
        return
    siblings = [s for s in children.get(context.span_id, ()) if s.name != EXECUTE]
    names: dict[str, list[ReadableSpan]] = defaultdict(list)
    for span in siblings:
        names[span.name].append(span)
    told: set[str] = set()
    for span in siblings:
        alike = [s for s in names[span.name] if not _must_show(s, children)]
        if len(alike) > FOLD_ABOVE and not _must_show(span, children):
            if span.name not in told:
                told.add(span.name)
                yield _folded(alike, indent, terminal)
            continue
        yield _line(span, indent, terminal)
        yield from _exceptions(span, indent + "  ", terminal)
        yield from _branches(span, children, indent + "  ", depth + 1, terminal)


def _must_show(span: ReadableSpan, children: dict[int, list[ReadableSpan]]) -> bool:
    """Whether a span deserves a line of its own: it failed, or something happened within it."""
    context = span.get_span_context()
    inside = children.get(context.span_id, ()) if context else ()
    return span.status.status_code is StatusCode.ERROR or any(s.name != EXECUTE for s in inside)


def _line(span: ReadableSpan, indent: str, terminal: Terminal) -> str:
    failed = span.status.status_code is StatusCode.ERROR
    lead = f"{indent}{milliseconds(_seconds(span)):>9}  "
    text = printable(f"{_title(span)}{_detail(span)}")
    return lead + terminal.paint(fit(text, terminal.width - len(lead)), *((RED,) if failed else ()))


def _folded(spans: list[ReadableSpan], indent: str, terminal: Terminal) -> str:
    longest = max(spans, key=_seconds)
    lead = f"{indent}{milliseconds(sum(map(_seconds, spans))):>9}  "
    text = f"{len(spans)} x {spans[0].name}, longest {milliseconds(_seconds(longest))}"
    text = printable(f"{text}{_detail(longest)}")
    return lead + terminal.paint(fit(text, terminal.width - len(lead)), DIM)


def _account(span: ReadableSpan, indent: str, terminal: Terminal) -> Iterator[str]:
    """What the queries took that are no spans: all, the costliest, and one that is in a loop."""
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
        # Datasette's begin alike, too.
        text = fit_both_ends(printable(f"{times} alike: {statement}"), terminal.width - len(lead))
        yield lead + terminal.paint(text, YELLOW)


def _detail(span: ReadableSpan) -> str:
    known = span.attributes or {}
    what = known.get("db.query.text") or known.get("datasette.callback")
    database = known.get("db.namespace")
    where = f" {database}" if database else ""
    return f"{where}: {fit(str(what), 300)}" if what else where


def _exceptions(span: ReadableSpan, indent: str, terminal: Terminal) -> Iterator[str]:
    for event in span.events:
        known: Any = event.attributes or {}
        if event.name != "exception":
            continue
        text = f"{known.get('exception.type')}: {known.get('exception.message')}"
        yield indent + terminal.paint(fit(printable(text), terminal.width - len(indent)), RED)
        for frame in _last_frames(str(known.get("exception.stacktrace", ""))):
            yield indent + terminal.paint(fit("  " + frame, terminal.width - len(indent)), DIM)


def _last_frames(stacktrace: str) -> Iterable[str]:
    """The last two frames: where it was raised, and who called that."""
    frames = [printable(line) for line in stacktrace.splitlines() if line.startswith("  File ")]
    return [_FOLDER.sub('"', frame) for frame in frames[-2:]]


def _seconds(span: ReadableSpan) -> float:
    return ((span.end_time or 0) - (span.start_time or 0)) / 1e9
