"""From `logging` to a receiver that decodes OTLP: the same records, each once."""

from __future__ import annotations

import json
import logging
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

from telemetry.logs.bridge import LogBridge, send_to
from telemetry.logs.bridged import MAX_HELD
from telemetry.testing import OTLPReceiver
from tests.support.processes import HOST, refusing_port
from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry._logs import LogRecord

    from telemetry.testing import ReceivedLog

SET_UP = """
import json, logging, logging.config, os, sys, threading, time
import telemetry
telemetry.configure(default_service_name="script", debug=False)
logging.config.dictConfig(telemetry.logging_config())
log = logging.getLogger("host")
"""
SPAN = """
from opentelemetry import trace
with trace.get_tracer("mine").start_as_current_span("work") as span:
"""


@pytest.fixture
def exported() -> Iterator[list[LogRecord]]:
    """The records that the bridges of this process send."""
    records: list[LogRecord] = []
    send_to(lambda _name, record: records.append(record))
    yield records
    send_to(None)


def _logged(tmp_path: Path, code: str, **env: str) -> tuple[list[ReceivedLog], list[str]]:
    """What came to the receiver, but for our own record of the start, and what was printed."""
    with OTLPReceiver() as receiver:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **env}
        done = run_python(tmp_path, SET_UP + code, **env)
    assert (done.returncode, done.stderr) == (0, "")
    arrived = [log for log in receiver.logs if log.event_name != "corkboard.telemetry.started"]
    return arrived, done.stdout.splitlines()


REQUEST = """
import asyncio
from tests.telemetry.asgi.driving import visit

async def application(scope, receive, send):
    logging.getLogger("host").info("in the request")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})

asyncio.run(visit(telemetry.asgi_wrapper(application), "/page"))
"""


@pytest.mark.parametrize(
    ("destination", "printed", "sent"),
    [(None, 1, 0), ("stdout", 1, 0), ("all", 1, 1), ("none", 0, 0)],
)
def test_the_access_line_goes_where_its_variable_says(
    tmp_path: Path, destination: str | None, printed: int, sent: int
) -> None:
    """It is no log record unless it is asked for; other records of the request always are."""
    given = {} if destination is None else {"TELEMETRY_ACCESS_LOG": destination}
    arrived, lines = _logged(tmp_path, REQUEST, **given)
    loggers = [json.loads(line)["logger"] for line in lines]
    assert (loggers.count("telemetry.access"), loggers.count("host")) == (printed, 1)
    scopes = [log.scope for log in arrived]
    assert (scopes.count("telemetry.access"), scopes.count("host")) == (sent, 1)


def test_a_record_arrives_as_it_is_printed(tmp_path: Path) -> None:
    """Message, level, logger, extra and exception; the ids of its span; once."""
    code = SPAN + indent(
        """
try:
    raise LookupError("lost")
except LookupError:
    log.exception("page %s", 7, extra={"size": 9, "deep": {"a": [1]}, "odd": b"\\xff"})
""",
        "    ",
    )
    [record], [line] = _logged(tmp_path, code)
    said = json.loads(line)
    assert (record.body, record.scope) == ("page 7", "host") == (said["message"], said["logger"])
    assert (record.severity_text, record.severity_number) == ("ERROR", 17)
    assert (record.trace_id, record.span_id) == (said["trace_id"], said["span_id"])
    assert record.trace_id
    shared = ("size", "deep", "odd", "exception.type", "exception.message", "exception.stacktrace")
    assert {key: record.attributes[key] for key in shared} == {key: said[key] for key in shared}
    assert record.attributes["exception.type"] == "LookupError"
    assert record.resource["service.name"] == "script"


@pytest.mark.parametrize(
    ("level", "text", "number"),
    [
        ("INFO", "INFO", 9),
        ("WARNING", "WARN", 13),
        ("CRITICAL", "FATAL", 21),
    ],
)
def test_levels_have_opentelemetrys_names(
    tmp_path: Path, level: str, text: str, number: int
) -> None:
    """Every backend knows those."""
    [record], _ = _logged(tmp_path, f"log.log({getattr(logging, level)}, 'x')")
    assert (record.severity_text, record.severity_number) == (text, number)


def test_a_threads_records_have_the_ids_of_their_own_span(tmp_path: Path) -> None:
    """As they are where they are logged, not where they are sent."""
    code = """
from opentelemetry import trace
def work(number):
    with trace.get_tracer("mine").start_as_current_span("work") as span:
        log.info("in %s", trace.format_trace_id(span.get_span_context().trace_id))
threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
log.info("outside")
"""
    records, lines = _logged(tmp_path, code)
    assert len(records) == len(lines) == 21
    within = [record for record in records if record.body != "outside"]
    assert {f"in {record.trace_id}" for record in within} == {record.body for record in within}
    assert len({record.trace_id for record in within}) == 20
    [outside] = [record for record in records if record.body == "outside"]
    assert outside.trace_id == ""


def test_what_was_noted_on_a_record_is_believed(tmp_path: Path) -> None:
    """By a queue's thread, or at a request's end: what is current there is another's."""
    code = (
        SPAN
        + """
    from telemetry.logs.context import ATTRIBUTE, NOWHERE, LogContext
    there = LogContext("ab" * 16, "cd" * 8, "01", "alameda.ca", "/{database}")
    log.info("there", extra={ATTRIBUTE: there})
    log.info("nowhere", extra={ATTRIBUTE: NOWHERE})
"""
    )
    records, _ = _logged(tmp_path, code)
    there, nowhere = sorted(records, key=lambda record: record.body != "there")
    assert (there.trace_id, there.span_id) == ("ab" * 16, "cd" * 8)
    assert there.attributes == {"corkboard.site": "alameda.ca", "http.route": "/{database}"}
    assert (nowhere.trace_id, nowhere.span_id, nowhere.attributes) == ("", "", {})


def test_opentelemetrys_own_complaints_stay_here(tmp_path: Path) -> None:
    """A queue that is full is not emptied by one more record of it."""
    code = """
logging.getLogger("opentelemetry.sdk._shared_internal").warning("Queue is full, dropping log.")
log.info("sent")
"""
    records, lines = _logged(tmp_path, code)
    assert [record.body for record in records] == ["sent"]
    assert len(lines) == 2


def test_a_filter_of_the_bridge_decides_what_is_exported(
    exported: list[LogRecord], caplog: pytest.LogCaptureFixture
) -> None:
    """A record that it refuses is not sent; the other handlers still get it."""
    caplog.set_level(logging.INFO)
    bridge = LogBridge()
    bridge.addFilter(lambda record: "private" not in record.getMessage())
    logger = logging.getLogger("host.filtered")
    logger.addHandler(bridge)
    logger.info("private minutes")
    logger.info("public minutes")
    logger.removeHandler(bridge)
    assert [record.body for record in exported] == ["public minutes"]
    assert caplog.messages == ["private minutes", "public minutes"]


def test_a_script_that_only_logs_has_it_sent_at_its_end(tmp_path: Path) -> None:
    """Nothing starts it earlier, and nothing is lost; a command that says so sends at once."""
    code = "[log.info('%s', n) for n in range({number})]"
    records, _ = _logged(tmp_path, code.format(number=20))
    assert [record.body for record in records] == [str(n) for n in range(20)]
    # Up to a number, of the last.
    records, _ = _logged(tmp_path, code.format(number=MAX_HELD + 5))
    assert [record.body for record in records] == [str(n) for n in range(5, MAX_HELD + 5)]
    at_once = """
telemetry.report_errors()
log.info("sent")
telemetry.flush()
os._exit(0)
"""
    records, _ = _logged(tmp_path, at_once)
    assert [record.body for record in records] == ["sent"]


def test_what_a_master_logs_before_it_forks_is_its_own_to_send(tmp_path: Path) -> None:
    """No thread of an exporter's is started before; the child sends what it logs itself."""
    code = """
log.info("of the master")
log.info("threads: %s", threading.active_count())
child = os.fork()
if not child:
    telemetry.report_errors()
    log.info("of the worker")
    telemetry.flush()
    os._exit(0)
os.waitpid(child, 0)
"""
    records, _ = _logged(tmp_path, code)
    assert sorted(str(record.body) for record in records) == [
        "of the master",
        "of the worker",
        "threads: 1",
    ]
    assert len({record.resource["service.instance.id"] for record in records}) == 2


def test_nobody_is_told_of_the_backends_failure_by_that_backend(tmp_path: Path) -> None:
    """At DEBUG, with nobody listening: what is printed is bounded, and leads to nothing more."""
    code = """
telemetry.report_errors()
for number in range(50):
    log.info("record %s", number)
    time.sleep(0.05)
print(json.dumps({"undelivered": telemetry.flush(0.2)}))
"""
    done = run_python(
        tmp_path,
        SET_UP + code,
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"http://{HOST}:{refusing_port()}/v1/logs",
        OTEL_EXPORTER_OTLP_TIMEOUT="300",
        OTEL_BLRP_SCHEDULE_DELAY="50",
        LOGLEVEL="DEBUG",
        TELEMETRY_SHUTDOWN_TIMEOUT="2s",
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    # The 50, and the record of our start.
    assert {"undelivered": 51} in lines
    others = [line for line in lines if line.get("logger") not in ("host", None)]
    assert 1 <= len(others) <= 12, "one line for each place in the code that says something"


def test_a_console_does_not_print_what_is_printed(tmp_path: Path) -> None:
    """Standard output has each line already, in the form that was asked for."""
    done = run_python(
        tmp_path, SET_UP + 'log.info("once")', OTEL_LOGS_EXPORTER="console", LOG_FORMAT="text"
    )
    assert done.stdout.count("once") == 1


STATEMENTS = """
import warnings
warnings.simplefilter("ignore", RuntimeWarning)
from django.db.backends.sqlite3.base import DatabaseWrapper
logging.getLogger("django.db.backends").setLevel(logging.DEBUG)
database = DatabaseWrapper(dict(NAME=":memory:", OPTIONS={}, TIME_ZONE=None, CONN_MAX_AGE=0,
    CONN_HEALTH_CHECKS=False, AUTOCOMMIT=True, USER="", PASSWORD=""))
database.force_debug_cursor = True
with database.cursor() as cursor:
    cursor.execute("create table s (k text, n integer)")
    cursor.execute("insert into s values (%s, %s)", ["the-session-of-bob", 71500001])
    cursor.executemany("insert into s values (%s, %s)", [("the-session-of-bob", 71500001)])
    cursor.execute("select * from s where k = %s", ["the-session-of-bob"])
"""


def test_statements_that_django_logs_have_no_values(tmp_path: Path) -> None:
    """Under django.db.backends=DEBUG, message and fields have a session's id and other values."""
    for log_format in ("json", "text"):
        arrived, lines = _logged(tmp_path, STATEMENTS, LOG_FORMAT=log_format)
        shown = [f"{log.body} {dict(log.attributes)}" for log in arrived]
        assert len(shown) == len(lines) == 4
        for line in (*shown, *lines):
            assert "bob" not in line
            assert "71500001" not in line
        assert "select * from s where k = ?; args=?; alias=default" in shown[3]
