"""What reaches the interpreter: reported, and printed as it would be without us."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest

from tests.telemetry.errors.sentry.programs import printed, run_program

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import EventReceiver

# A span for what happens within it, kept or not.
TRACED = {"OTEL_TRACES_EXPORTER": "console", "TELEMETRY_CONSOLE": "off"}


def test_a_program_that_fails(tmp_path: Path, errors: EventReceiver) -> None:
    """One event, named by the program; the traceback is printed, and the exit code is Python's."""
    done = run_program(
        tmp_path, errors, "1 / 0", name="nightly.py", arguments=("planted", "--planted")
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    [event] = errors.events
    assert event.exceptions == (("ZeroDivisionError", "division by zero"),)
    assert event.transaction == "nightly.py"
    assert event.tags == {"caught.by": "sys.excepthook"}
    assert event.raw["exception"]["values"][0]["mechanism"] == {
        "type": "sys.excepthook",
        "handled": False,
    }
    assert event.trace_id == ""
    assert "--planted" not in repr(event.raw)


def test_a_program_that_fails_within_a_span(tmp_path: Path, errors: EventReceiver) -> None:
    """It has left the span by the time that Python sees the exception."""
    code = """
    from opentelemetry import trace
    tracer = trace.get_tracer("program")
    with tracer.start_as_current_span("outer"), tracer.start_as_current_span("work") as span:
        print(f"{span.get_span_context().span_id:016x}")
        1 / 0
    """
    done = run_program(tmp_path, errors, code, **TRACED)
    [event] = errors.events
    assert event.span_id == done.stdout.splitlines()[0]


def test_the_hosts_own_hook_is_called_too(tmp_path: Path, errors: EventReceiver) -> None:
    """As it was before us."""
    start = """
import sys
def own(kind, error, traceback):
    print("own hook", kind.__name__, error, traceback is error.__traceback__)
sys.excepthook = own
import telemetry
telemetry.configure(default_service_name="program")
telemetry.report_errors()
"""
    done = run_program(tmp_path, errors, "1 / 0", start=start)
    assert done.stdout == "own hook ZeroDivisionError division by zero True\n"
    assert done.stderr == ""
    assert len(errors.events) == 1


def test_a_program_that_ends_is_no_failure(tmp_path: Path, errors: EventReceiver) -> None:
    """By itself, by a signal of the keyboard, or because a task was cancelled."""
    codes = {
        "raise SystemExit(3)": 3,
        "raise SystemExit('no such site')": 1,
        # As a shell sees it: Python ends by the signal itself.
        "raise KeyboardInterrupt": -2,
        "import asyncio\nraise asyncio.CancelledError": 1,
        "pass": 0,
    }
    for code, expected in codes.items():
        assert run_program(tmp_path, errors, code).returncode == expected, code
    assert errors.requests == []


def test_a_thread_that_fails(tmp_path: Path, errors: EventReceiver) -> None:
    """One event and one traceback; the program goes on. A class alone is only printed."""
    code = """
    import threading
    class Own(threading.Thread):
        def run(self):
            raise LookupError("own")
    threads = [threading.Thread(target=lambda: 1 / 0), Own(), threading.Timer(0, int, ["x"])]
    for thread in threads:
        thread.start()
        thread.join()
    # Python's documentation lets a caller of the hook leave out the exception itself.
    threading.excepthook(threading.ExceptHookArgs((KeyError, None, None, threads[0])))
    """
    done = run_program(tmp_path, errors, code)
    assert printed(done) == []
    assert done.stderr.count("Exception in thread") == 4
    assert [event.exceptions[-1][0] for event in errors.events] == [
        "ZeroDivisionError",
        "LookupError",
        "ValueError",
    ]
    assert {event.tags["caught.by"] for event in errors.events} == {"threading.excepthook"}
    assert {event.transaction for event in errors.events} == {""}


def test_a_thread_that_ends_is_no_failure(tmp_path: Path, errors: EventReceiver) -> None:
    """Python prints nothing of these either."""
    code = """
    import threading
    def end():
        raise SystemExit
    thread = threading.Thread(target=end)
    thread.start()
    thread.join()
    """
    assert run_program(tmp_path, errors, code).stderr == ""
    assert errors.requests == []


def test_a_threads_failure_happened_where_it_was_started(
    tmp_path: Path, errors: EventReceiver
) -> None:
    """Unless in a span of its own."""
    code = """
    import threading
    from opentelemetry import trace
    tracer = trace.get_tracer("program")
    def fail():
        raise LookupError("plainly")
    def fail_in_a_span():
        with tracer.start_as_current_span("own") as span:
            print(f"{span.get_span_context().span_id:016x}")
            raise LookupError("in a span")
    with tracer.start_as_current_span("work") as span:
        print(f"{span.get_span_context().span_id:016x}")
        threads = [threading.Thread(target=fail), threading.Thread(target=fail_in_a_span)]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    """
    done = run_program(tmp_path, errors, code, **TRACED)
    work, own = printed(done)[:2]
    found = {event.exceptions[-1][1]: event.span_id for event in errors.events}
    assert found == {"plainly": work, "in a span": own}


def test_what_python_can_only_ignore(tmp_path: Path, errors: EventReceiver) -> None:
    """A destructor's, or a callback's where there is no request: told, and printed as before."""
    code = """
    import sqlite3
    class Left:
        def __del__(self):
            raise LookupError("destructor")
    Left()
    def fail(value):
        raise LookupError("function")
    connection = sqlite3.connect(":memory:")
    connection.create_function("fail", 1, fail)
    try:
        connection.execute("select fail(1)")
    except sqlite3.OperationalError as error:
        print(error)
    def interrupted(value):
        raise KeyboardInterrupt
    connection.create_function("interrupted", 1, interrupted)
    try:
        connection.execute("select interrupted(1)")
    except sqlite3.OperationalError as error:
        print(error)
    """
    done = run_program(tmp_path, errors, code)
    assert printed(done) == ["user-defined function raised exception"] * 2
    assert done.stderr.count("Exception ignored in") == 3
    assert [event.exceptions for event in errors.events] == [
        (("LookupError", "destructor"),),
        (("LookupError", "function"),),
    ]
    assert {event.tags["caught.by"] for event in errors.events} == {"sys.unraisablehook"}


def visiting(body: str, after: str = "") -> str:
    """A program that serves one request; the body is the application's."""
    return f"""
import sqlite3, threading
from tests.telemetry.asgi.driving import Client, answering, http_scope, run

def fail(*_args):
    raise LookupError("in a request")

def interrupted(_value):
    raise KeyboardInterrupt

async def app(scope, receive, send):
    telemetry.set_site("alameda.ca")
{indent(dedent(body), "    ")}
    await answering()(scope, receive, send)

client = Client()
run(telemetry.asgi_wrapper(app)(http_scope(), client.receive, client.send))
print(dict(client.sent[0]["headers"])[b"traceresponse"].split(b"-")[1].decode())
{dedent(after)}
"""


def test_a_thread_of_a_request_is_the_requests(tmp_path: Path, errors: EventReceiver) -> None:
    """It fails while the visitor waits."""
    body = """
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    """
    [trace_id] = printed(run_program(tmp_path, errors, visiting(body)))
    [event] = errors.events
    assert event.trace_id == trace_id
    assert event.tags == {"caught.by": "threading.excepthook", "corkboard.site": "alameda.ca"}


@pytest.mark.parametrize("left", [False, True], ids=["stayed", "left"])
def test_a_thread_that_outlives_its_request_is_no_visitors(
    tmp_path: Path, errors: EventReceiver, left: bool
) -> None:
    """It happened where it was started, and is a failure though the visitor did not wait."""
    body = """
    go = threading.Event()
    def later():
        go.wait()
        fail()
    app.thread = threading.Thread(target=later)
    app.thread.start()
    app.go = go
    """
    if left:
        body = dedent(body) + 'telemetry.set_outcome("disconnected")'
    code = visiting(body, after="app.go.set()\napp.thread.join()")
    [trace_id] = printed(run_program(tmp_path, errors, code))
    [event] = errors.events
    assert event.trace_id == trace_id
    assert event.tags == {"caught.by": "threading.excepthook"}
    assert event.request == {}


def test_what_a_request_keeps_is_told_and_not_printed(
    tmp_path: Path, errors: EventReceiver
) -> None:
    """Its error page prints it, or it is a visitor's own query; an interruption is Python's."""
    body = """
    connection = sqlite3.connect(":memory:")
    for call in (fail, interrupted):
        connection.create_function("call", 1, call)
        try:
            connection.execute("select call(1)")
        except sqlite3.OperationalError:
            pass
    """
    done = run_program(tmp_path, errors, visiting(body))
    [trace_id] = printed(done)
    assert done.stderr.count("Exception ignored in") == 1
    assert "KeyboardInterrupt" in done.stderr
    [event] = errors.events
    assert event.exceptions == (("LookupError", "in a request"),)
    assert (event.trace_id, event.tags["caught.by"]) == (trace_id, "sys.unraisablehook")


def test_the_hooks_are_not_there_before(tmp_path: Path, errors: EventReceiver) -> None:
    """Reading the configuration changes nothing of the interpreter's."""
    code = """
    import sys, threading
    print(sys.excepthook is sys.__excepthook__, sys.unraisablehook is sys.__unraisablehook__)
    print(threading.excepthook is threading.__excepthook__, threading.Thread.start.__module__)
    """
    start = "import telemetry\ntelemetry.configure(default_service_name='program')\n"
    done = run_program(tmp_path, errors, code, start=start)
    assert printed(done) == ["True True", "True threading"]
