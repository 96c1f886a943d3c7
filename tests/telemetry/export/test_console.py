"""What a developer reads."""

from __future__ import annotations

import io
import math
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

import telemetry
from telemetry.export.console import ConsoleMetricExporter, ConsoleSpanExporter
from telemetry.export.console.traces import MAX_TRACES
from telemetry.export.console.tree import MAX_DEPTH
from telemetry.frames import frames
from telemetry.terminal import columns
from tests.telemetry.export.console_spans import Printed

PAGE: dict[str, Any] = {
    "http.request.method": "GET",
    "url.path": "/meetings/minutes",
    "http.route": "/{database}/{table}",
    "http.response.status_code": 200,
    "corkboard.site": "alameda.ca",
    "corkboard.outcome": "served",
}


def served(printed: Printed, queries: int = 0, changes: dict[str, Any] | None = None) -> None:
    """One table page."""
    with printed.span("GET /{database}/{table}", 58.1, SpanKind.SERVER) as root:
        root.set_attributes({**PAGE, **(changes or {})})
        for number in range(queries):
            with printed.span("db.query", number + 1) as query:
                query.set_attributes(
                    {"db.namespace": "meetings", "db.query.text": f"select {number}"}
                )
                with printed.span("db.query.execute", 1):
                    pass


def test_a_request_is_one_block_with_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Path, route, status, time, site and trace on one line."""
    monkeypatch.setenv("COLUMNS", "100")
    printed = Printed()
    served(printed)
    (line,) = printed.lines
    start = "GET /meetings/minutes (/{database}/{table}) 200 58.1 ms alameda.ca trace "
    assert re.fullmatch(re.escape(start) + "[0-9a-f]{8,32}…?", line)


def test_like_named_queries_are_folded_into_one_line() -> None:
    """With their number, their time and the longest; their execution is not told twice."""
    printed = Printed()
    served(printed, queries=47)
    assert len(printed.lines) == 2
    assert "47 x db.query, longest 47.0 ms meetings: select 46" in printed.lines[1]


def test_a_few_queries_have_a_line_each() -> None:
    """In the order in which they began."""
    printed = Printed()
    served(printed, queries=3)
    assert [line.split(": ")[-1] for line in printed.lines[1:]] == [
        "select 0",
        "select 1",
        "select 2",
    ]


def test_a_failed_query_is_never_folded() -> None:
    """It stands out from fifty that did not fail, with its exception and where it was raised."""
    printed = Printed()
    with printed.span("GET /x", 10, SpanKind.SERVER):
        for number in range(50):
            with printed.span("db.query") as query:
                if number == 7:
                    try:
                        raise ValueError("no such\ncolumn")
                    except ValueError as error:
                        query.record_exception(error)
                        query.set_status(Status(StatusCode.ERROR))
    assert any("49 x db.query" in line for line in printed.lines)
    assert any("ValueError: no such column" in line for line in printed.lines)
    assert any("test_console.py" in line for line in printed.lines)


def test_queries_that_are_no_spans_are_a_line_or_two() -> None:
    """All of them with the costliest, and what was run in a loop, told apart by its end."""
    console = Printed()
    shown: dict[str, Any] = {
        "corkboard.queries.count": 49,
        "corkboard.queries.execution_time": 0.0185,
        "corkboard.queries.max_execution_time": 0.0052,
        "corkboard.queries.statements": ["select count(*) from minutes", "select 1"],
        "corkboard.queries.repeated": [f"select {'a, ' * 40} from {name}" for name in "xy"],
        "corkboard.queries.repeated.count": [7, 6],
    }
    with console.span("GET /", kind=SpanKind.SERVER) as span:
        span.set_attributes(shown)
    _, statistics, *alike = console.lines
    assert statistics == "    18.5 ms  49 queries, longest 5.2 ms: select count(*) from minutes"
    assert [line.split(" alike: ")[0] for line in alike] == [f"{'':13}N+1: 7", f"{'':13}N+1: 6"]
    assert [line[-8:] for line in alike] == [", from x", ", from y"]
    assert max(map(len, console.lines)) <= 100


def test_what_a_failed_page_leaves_behind_is_not_told() -> None:
    """Queries that it didn't wait for: linked to it, and each a trace of its own."""
    printed = Printed()
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = ConsoleSpanExporter(stream=printed.stream)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    cause = provider.get_tracer("host").start_span("GET /")
    links = [Link(cause.get_span_context())]
    datasette = provider.get_tracer("datasette")
    datasette.start_span("db.query", links=links).end()
    assert printed.lines == []
    with (
        pytest.raises(ValueError, match="planted"),
        datasette.start_as_current_span("db.query", links=links),
    ):
        raise ValueError("planted")
    datasette.start_span("db.query").end()
    assert len([line for line in printed.lines if line.startswith("db.query")]) == 2


def test_a_client_error_is_one_line() -> None:
    """Scanners ask for a lot that is not there."""
    printed = Printed()
    served(printed, queries=5, changes={"http.response.status_code": 404})
    assert len(printed.lines) == 1
    assert " 404 " in printed.lines[0]


def test_modes() -> None:
    """`compact` is a line a request, `off` is silence."""
    compact, off = Printed("compact"), Printed("off")
    served(compact, queries=9)
    served(off, queries=9)
    assert len(compact.lines) == 1
    assert off.text == ""


def test_a_visitor_cannot_command_the_terminal() -> None:
    """Control characters in a path are shown, not obeyed, and start no line."""
    printed = Printed()
    served(printed, changes={"url.path": "/\x1b[2J\nGET /forged 200"})
    assert "\x1b" not in printed.text
    assert len(printed.lines) == 1


def test_lines_fit_the_terminal() -> None:
    """A long statement is cut, not wrapped."""
    printed = Printed()
    served(printed)
    with printed.span("GET /x", 10, SpanKind.SERVER), printed.span("db.query") as query:
        query.set_attribute("db.query.text", "select " + "x" * 5000)
    assert max(map(len, printed.lines)) <= 100


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_wraps_nothing(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The route goes first, then the end of the path; wide characters count twice."""
    monkeypatch.setenv("COLUMNS", str(width))
    printed = Printed()
    for path in ("/meetings/minutes", "/" + "議事録" * 30):
        with printed.span("GET /{database}/{table}", 300, SpanKind.SERVER) as root:
            root.set_attributes({**PAGE, "url.path": path})
            with printed.span("render", 200):
                for _ in range(6):
                    with printed.span("db.query", 1) as query:
                        query.set_attribute("db.query.text", "select '議事録' " + "x" * 200)
    assert max(map(columns, printed.lines)) <= width
    assert all(" 200 300.0 ms" in line for line in printed.lines if line.startswith("GET"))
    assert all("{table}" not in line for line in printed.lines)


def test_the_page_of_the_trace_is_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, however narrow the terminal; the id is not told twice, nor for a client's error."""
    monkeypatch.setenv("COLUMNS", "40")
    printed = Printed(trace_url="http://127.0.0.1:4318/trace/{trace_id}")
    served(printed)
    first, last = printed.lines
    assert " trace " not in first
    assert re.fullmatch(r"  http://127\.0\.0\.1:4318/trace/[0-9a-f]{32}", last)
    served(printed, changes={"http.response.status_code": 404})
    assert len(printed.lines) == 3


def test_what_was_slow_is_marked() -> None:
    """A third of its request, and a tenth of a second; it is never folded away."""
    printed = Printed()
    with printed.span("GET /", 900, SpanKind.SERVER):
        for milliseconds in (50, 60, 350, 70, 290, 80):
            with printed.span("db.query", milliseconds):
                pass
    assert [line[:13] for line in printed.lines[1:]] == ["   550.0 ms  ", "   350.0 ms! "]
    short = Printed()
    with short.span("GET /", 90, SpanKind.SERVER), short.span("render", 80):
        pass
    assert "!" not in short.text


def test_a_frame_of_telemetry_is_not_the_application_s() -> None:
    """In a checkout its files are not below site-packages; some of them call the application."""
    own = Path(telemetry.__file__).parent / "datasette" / "output.py"
    stack = [
        "Traceback (most recent call last):",
        '  File "/srv/host/views.py", line 7, in home',
        "    return search(term)",
        f'  File "{own}", line 71, in run_and_close',
        "    return await run(*awaitables)",
    ]
    first, code, last = frames("\n".join(stack))
    assert (first, code) == (
        'File "/srv/host/views.py", line 7, in home',
        "    return search(term)",
    )
    assert last.endswith("line 71, in run_and_close")


def test_the_lines_of_a_stack_that_matter() -> None:
    """The application's own, with its code, then where it was raised; not what lies between."""
    library = '  File "/venv/lib/python3.11/site-packages/datasette/{}.py", line {}, in run'
    stack = [
        "Traceback (most recent call last):",
        library.format("app", 1),
        "    await view()",
        '  File "/srv/host/views.py", line 7, in home',
        "    return search(term)",
        library.format("between", 2),
        '  File "/srv/host/search.py", line 9, in search',
        "    rows = database.execute(sql)",
        "           ^^^^^^^^^^^^^^^^^^^^^",
        library.format("database", 3),
        "    cursor.execute(sql)",
        "sqlite3.OperationalError: no such column: nope",
    ]
    assert frames("\n".join(stack)) == [
        'File "/srv/host/views.py", line 7, in home',
        'File "/srv/host/search.py", line 9, in search',
        "    rows = database.execute(sql)",
        'File "datasette/database.py", line 3, in run',
    ]
    foreign = [line for line in stack if "/srv/" not in line]
    assert frames("\n".join(foreign)) == [
        'File "datasette/between.py", line 2, in run',
        'File "datasette/database.py", line 3, in run',
    ]
    assert frames("no stack at all") == []


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals() -> None:
    """A pipe gets none."""
    terminal, pipe = Printed(stream=_Terminal()), Printed()
    served(terminal)
    served(pipe)
    assert "\033[" in terminal.text
    assert "\033[" not in pipe.text


def test_what_is_held_back_is_bounded() -> None:
    """A thousand traces without an end and one of ten thousand spans don't grow for ever."""
    printed = Printed()
    roots = [printed.span("root") for _ in range(1000)]
    for root in roots:
        with root, printed.span("child"):
            pass
    with printed.span("GET /big", 1, SpanKind.SERVER):
        for _ in range(2500):
            with printed.span("db.query"):
                pass
    assert "more spans" in printed.lines[-1]


def test_of_many_traces_that_have_not_ended_the_oldest_are_discarded() -> None:
    """Its local root is then printed without the spans below it."""
    printed = Printed()
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = ConsoleSpanExporter(stream=printed.stream)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("host")
    roots = []
    for number in range(MAX_TRACES + 1):
        root = tracer.start_span(f"root {number}")
        tracer.start_span(f"child {number}", set_span_in_context(root)).end()
        roots.append(root)
    assert printed.lines == []
    roots[0].end()
    roots[1].end()
    assert [line.split(" ms")[-1].split(" trace")[0].strip() for line in printed.lines] == [
        "",
        "",
        "child 1",
    ]
    assert printed.lines[0].startswith("root 0 ")
    assert printed.lines[1].startswith("root 1 ")


def test_a_deep_trace_is_cut() -> None:
    """A recursive function with a span would run off the terminal."""
    printed = Printed()
    with ExitStack() as stack:
        stack.enter_context(printed.span("GET /", 10, SpanKind.SERVER))
        for number in range(MAX_DEPTH + 5):
            stack.enter_context(printed.span(f"level {number}"))
    assert len(printed.lines) == MAX_DEPTH + 1
    assert f"level {MAX_DEPTH - 1}" in printed.lines[-1]


def test_metrics_are_printed_when_they_change() -> None:
    """An export of the same totals prints nothing."""
    stream = io.StringIO()
    reader = PeriodicExportingMetricReader(
        ConsoleMetricExporter(stream=stream, color=False), export_interval_millis=math.inf
    )
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counter = provider.get_meter("host").create_counter("pages", unit="{page}")
    counter.add(2)
    provider.force_flush()
    provider.force_flush()
    assert stream.getvalue() == "pages  2\n"
    counter.add(1)
    provider.force_flush()
    assert stream.getvalue() == "pages  2\npages  3\n"
    provider.shutdown()


def test_a_closed_pipe_is_not_an_error() -> None:
    """`make serve | head` must not fail requests."""
    printed = Printed()
    printed.stream.close()
    served(printed)
