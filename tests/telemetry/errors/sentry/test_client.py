"""Sentry's SDK as we start it: when, beside whom, and how it ends."""

from __future__ import annotations

import time
from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest

from telemetry.errors.sentry.client import running_program
from telemetry.testing import EventReceiver
from tests.support.processes import HOST, free_port, refusing_port
from tests.telemetry.errors.sentry.programs import START, printed, run_program

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURE = "import telemetry\ntelemetry.configure(default_service_name='program')\n"


def test_it_is_started_by_whoever_serves(tmp_path: Path, errors: EventReceiver) -> None:
    """Not by the configuration: a server may yet fork."""
    code = """
    import sys
    print("sentry_sdk" in sys.modules)
    import sentry_sdk
    print(sentry_sdk.get_client().is_active())
    telemetry.report_errors()
    client = sentry_sdk.get_client()
    print(client.is_active())
    telemetry.report_errors()
    print(sentry_sdk.get_client() is client)
    """
    done = run_program(tmp_path, errors, code, start=CONFIGURE)
    assert printed(done) == ["False", "False", "True", "True"]
    assert errors.requests == []


def test_without_a_dsn_nothing_is_loaded(tmp_path: Path) -> None:
    """Not even by a program that asks for its errors to be reported."""
    code = "import sys\nprint('sentry_sdk' in sys.modules, 'opentelemetry.sdk' in sys.modules)"
    assert printed(run_program(tmp_path, "", code)) == ["False False"]


@pytest.mark.parametrize(
    "call",
    [
        """
        import http.client
        connection = http.client.HTTPConnection(address)
        connection.request("POST", "/", b"{}")
        connection.getresponse().read()
        """,
        """
        import urllib.request, urllib.error
        try:
            urllib.request.urlopen(f"http://{address}/", b"{}")
        except urllib.error.HTTPError as answer:
            answer.close()
        """,
        """
        import httpx
        httpx.post(f"http://{address}/", content=b"{}", trust_env=False)
        """,
        """
        import asyncio, httpx
        async def main():
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.post(f"http://{address}/", content=b"{}")
        asyncio.run(main())
        """,
    ],
    ids=["http.client", "urllib", "httpx", "httpx, async"],
)
def test_no_trace_of_sentrys_goes_out_with_a_call(
    tmp_path: Path, errors: EventReceiver, call: str
) -> None:
    """The receiver of the events is also who is called here: it keeps every POST's headers."""
    code = f"""
from opentelemetry import trace
address = "{HOST}:{errors.port}"
with trace.get_tracer("program").start_as_current_span("work"):
{indent(dedent(call), "    ")}
"""
    printed(run_program(tmp_path, errors, code))
    [request] = errors.requests
    assert request.path == "/"
    names = {name.lower() for name in request.headers}
    assert not names & {"sentry-trace", "baggage", "traceparent"}
    assert "host" in names, "the headers are seen at all"


def test_a_hosts_own_check_in_is_of_its_trace(tmp_path: Path, errors: EventReceiver) -> None:
    """Whatever the host sends by itself has OpenTelemetry's ids, and no call has Sentry's."""
    code = """
    import sentry_sdk
    from opentelemetry import trace
    from sentry_sdk.crons import capture_checkin
    with trace.get_tracer("program").start_as_current_span("work") as span:
        context = span.get_span_context()
        print(f"{context.trace_id:032x} {context.span_id:016x}")
        print(list(sentry_sdk.get_current_scope().iter_trace_propagation_headers()))
        capture_checkin("nightly", status="ok")
    """
    ids, headers = printed(run_program(tmp_path, errors, code))
    assert headers == "[]"
    [envelope] = errors.envelopes
    [item] = envelope.items
    assert item.type == "check_in"
    trace_context = item.payload["contexts"]["trace"]
    assert f"{trace_context['trace_id']} {trace_context['span_id']}" == ids


def test_a_variable_of_sentrys_own_sends_events_nowhere_else(
    tmp_path: Path, errors: EventReceiver
) -> None:
    """SENTRY_SPOTLIGHT, in a developer's shell, is a second destination to the SDK."""
    with EventReceiver() as spotlight:
        env = {"SENTRY_SPOTLIGHT": f"{spotlight.url}/stream", "SENTRY_DEBUG": "false"}
        run_program(tmp_path, errors, "1 / 0", **env)
        assert spotlight.requests == []
    assert len(errors.events) == 1


def test_opentelemetrys_propagator_is_left_alone(tmp_path: Path, errors: EventReceiver) -> None:
    """Sentry's own integration would replace it."""
    code = """
    from opentelemetry import propagate
    before = propagate.get_global_textmap()
    telemetry.report_errors()
    print(propagate.get_global_textmap() is before, *sorted(before.fields))
    """
    done = run_program(tmp_path, errors, code, start=CONFIGURE)
    assert printed(done) == ["True baggage traceparent tracestate"]


def test_a_thread_starts_with_the_first_event(tmp_path: Path, errors: EventReceiver) -> None:
    """And none before: one that never fails costs nothing."""
    code = """
    import logging, threading
    def others():
        # Each request has a timer.
        known = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
        return [name for name in known if name != "telemetry-timeout"]
    print(others())
    logging.getLogger("host").error("first")
    print(others())
    logging.getLogger("host").error("second")
    print(others())
    """
    worker = "['telemetry-sender']"
    assert printed(run_program(tmp_path, errors, code)) == ["[]", worker, worker]
    assert len(errors.events) == 2


def test_a_tracker_that_hangs_ends_no_program_late(tmp_path: Path, errors: EventReceiver) -> None:
    """It ends within TELEMETRY_SHUTDOWN_TIMEOUT, and says what it could not deliver."""
    errors.answer(200, delay=600)
    began = time.monotonic()
    code = "import logging\nlogging.getLogger('host').error('first')\n1 / 0"
    done = run_program(tmp_path, errors, code, TELEMETRY_SHUTDOWN_TIMEOUT="500ms")
    assert time.monotonic() - began < 30
    assert done.returncode == 1
    [said] = [line for line in done.stderr.splitlines() if "undelivered" in line]
    assert said.endswith(" and 2 error events undelivered after waiting 0.5 s")
    assert errors.dsn.partition("@")[0] not in done.stderr


@pytest.mark.parametrize("status", [None, 429, 500])
def test_a_tracker_that_refuses_ends_no_program_late(
    tmp_path: Path, errors: EventReceiver, status: int | None
) -> None:
    """Neither one that is not there; the program's own end is what it would be.

    Without an ordered pause, it tries for as long as TELEMETRY_SHUTDOWN_TIMEOUT allows.
    """
    dsn = f"http://key@{HOST}:{refusing_port()}/1"
    if status is not None:
        dsn = errors.dsn
        errors.answer(status, headers={"Retry-After": "60"})
    # Registered before ours, so called after it.
    start = """
import atexit, time
began = time.monotonic()
atexit.register(lambda: print(f"{time.monotonic() - began:.2f}"))
"""
    limit = {"TELEMETRY_SHUTDOWN_TIMEOUT": "500ms"} if status is None else {}
    done = run_program(tmp_path, dsn, "1 / 0", start=start + START, **limit)
    assert done.returncode == 1
    assert float(done.stdout) < 18, "less than the time that it might have waited"
    assert done.stderr.count("Traceback") == 1


def test_a_flush_counts_what_is_still_on_its_way(tmp_path: Path, errors: EventReceiver) -> None:
    """And no longer what has arrived since."""
    errors.answer(200, delay=1.5)
    code = """
    import logging, time
    logging.getLogger("host").error("first")
    print(telemetry.flush(30))
    """
    assert printed(run_program(tmp_path, errors, code)) == ["0"]
    assert len(errors.events) == 1


def test_each_flush_counts_an_event_once(tmp_path: Path) -> None:
    """And none of the flushes before it, which the SDK queues as it does events."""
    start = f"""
from telemetry.testing import EventReceiver
errors = EventReceiver({free_port()}).start()
errors.answer(200, delay=60)
import os
os.environ["SENTRY_DSN"] = errors.dsn
"""
    code = """
    import logging
    logging.getLogger("host").error("first")
    print(*(telemetry.flush(seconds) for seconds in (0, 0.01, 0.2, 0.2)))
    errors.answer(200); errors.close(); errors.start()
    print(telemetry.flush(30), [event.message for event in errors.events])
    """
    assert printed(run_program(tmp_path, "", code, start=start + START)) == [
        "1 1 1 1",
        "0 ['first']",
    ]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["/srv/host/manage.py", "register_site", "alameda.ca"], "manage.py register_site"),
        (["/usr/bin/django-admin", "migrate"], "django-admin migrate"),
        (["manage.py"], "manage.py"),
        (["manage.py", "--version"], "manage.py"),
        (["manage.py", "planted secret"], "manage.py"),
        (["/srv/jobs/nightly.py", "planted"], "nightly.py"),
        (["-c", "planted"], "-c"),
        ([""], ""),
        ([], ""),
    ],
)
def test_a_program_is_named_without_its_arguments(arguments: list[str], name: str) -> None:
    """But for the command that Django's own programs are for."""
    assert running_program(arguments) == name
