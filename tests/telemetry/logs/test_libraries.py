"""Hosts with other logging libraries and shapes of configuration send what they log, once."""

from __future__ import annotations

import json
import subprocess
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from telemetry.testing import OTLPReceiver
from tests.support.environment import clean_environment
from tests.support.forks import python
from tests.support.paths import ROOT
from tests.support.venvs import venv_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from telemetry.testing import ReceivedLog

FIELDS = {"trace_id", "span_id", "trace_flags", "corkboard.site"}
DICTIONARY = """
def config(formatter, **more):
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"own": formatter},
        "filters": {"request": {"()": "telemetry.logs.fields.RequestFields"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "own",
                "filters": ["request"],
            },
            "opentelemetry": {"class": "telemetry.logs.bridge.LogBridge"},
        },
        "root": {"handlers": ["console", "opentelemetry"], "level": "INFO"},
        **more,
    }
"""
PROGRAM = """
import asyncio, json, logging, logging.config, logging.handlers, queue, sys
import telemetry
telemetry.configure(default_service_name="host")
{dictionary}
{setup}

async def application(scope, receive, send):
    telemetry.set_site("alameda.ca")
{logs}
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b""}})

async def main():
    edge = telemetry.asgi_wrapper(application)
    scope = {{"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}}
    async def receive():
        return {{"type": "http.request", "body": b""}}
    async def send(message):
        pass
    await edge(scope, receive, send)

asyncio.run(main())
{end}
assert telemetry.flush(20) == 0
"""


class Logged(NamedTuple):
    lines: list[str]
    record: ReceivedLog
    """The one record beside that of start-up."""
    errors: str

    def line(self) -> dict[str, Any]:
        [line] = self.lines
        found: dict[str, Any] = json.loads(line)
        return found


def run(folder: Path, setup: str, logs: str, *, end: str = "", other: Path | None = None) -> Logged:
    code = PROGRAM.format(
        dictionary=DICTIONARY, setup=dedent(setup), logs=indent(dedent(logs), " " * 4), end=end
    )
    with OTLPReceiver() as receiver:
        variables: Mapping[str, str] = clean_environment(
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, TELEMETRY_RAISE_FAILURES="1"
        )
        if other is None:
            done = python("-c", code, env={**variables, "PYTHONPATH": str(ROOT)}, cwd=folder)
        else:
            done = subprocess.run(
                [other, "-c", code],
                cwd=folder,
                env=variables,
                capture_output=True,
                text=True,
                timeout=300,
            )
        assert done.returncode == 0, done.stderr
        [record] = [each for each in receiver.logs if "telemetry started" not in str(each.body)]
        [span] = [each for each in receiver.spans if each.kind == "SERVER"]
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    return Logged(done.stdout.splitlines(), record, done.stderr)


STANDARD = 'logging.getLogger("host").info("adopted %s", "once", extra={"pages": 3})'
JSON = 'logging.config.dictConfig(config({{"()": "pythonjsonlogger.{}.JsonFormatter"}}))'


def test_the_filter_and_the_bridge_send_each_field_once(tmp_path: Path) -> None:
    """As the guide has both: what the filter sets is not an attribute beside the record's ids."""
    logged = run(tmp_path, JSON.format("json"), STANDARD)
    assert logged.line().keys() == {"message", "pages", *FIELDS}
    assert logged.record.attributes == {"corkboard.site": "alameda.ca", "pages": 3}


def test_the_text_of_missing_fields_is_not_sent(tmp_path: Path) -> None:
    """It is for a format string."""
    setup = """
    dictionary = config({"format": "%(http.route)s %(corkboard.site)s %(message)s"})
    dictionary["filters"]["request"]["missing"] = "-"
    logging.config.dictConfig(dictionary)
    """
    logged = run(tmp_path, setup, STANDARD)
    assert logged.lines == ["- alameda.ca adopted once"]
    assert logged.record.attributes == {"corkboard.site": "alameda.ca", "pages": 3}


@pytest.mark.parametrize("release", ["2.0.7", "3.3.0"])
def test_older_releases_of_python_json_logger(tmp_path: Path, release: str) -> None:
    """By the name of the module that they had before 3.1."""
    python = venv_with((f"python-json-logger=={release}", "loguru==0.7.3"))
    logged = run(tmp_path, JSON.format("jsonlogger"), STANDARD, other=python)
    assert logged.line().keys() == {"message", "pages", *FIELDS}
    assert logged.record.attributes == {"corkboard.site": "alameda.ca", "pages": 3}


def test_loguru(tmp_path: Path) -> None:
    """As the documentation has it."""
    text = (ROOT / "docs" / "logs.md").read_text()
    [snippet] = [each for each in text.split("```") if "from loguru" in each]
    setup = snippet.removeprefix("python") + (
        "\nlogger.remove(0)\nlogger.add(sys.stdout, format='{extra[trace_id]} {message}')\n"
    )
    python = venv_with(("python-json-logger==2.0.7", "loguru==0.7.3"))
    logged = run(tmp_path, setup, 'logger.info("adopted {}", "once")', other=python)
    assert logged.lines == [f"{logged.record.trace_id} adopted once"]
    assert logged.record.body == "adopted once"
    assert logged.record.attributes["corkboard.site"] == "alameda.ca"


@pytest.mark.parametrize("own", [False, True], ids=["their lines", "our lines"])
def test_a_queue_of_the_hosts(tmp_path: Path, own: bool) -> None:
    """Behind it, another thread writes, which has no request: the filter is before it."""
    setup = f"""
    from telemetry.logs.fields import RequestFields
    logging.config.dictConfig({
        "telemetry.logging_config(debug=False)"
        if own
        else 'config({"()": "pythonjsonlogger.json.JsonFormatter"})'
    })
    handlers = logging.root.handlers[:]
    for handler in handlers:
        handler.filters.clear()
    waiting = logging.handlers.QueueHandler(queue.SimpleQueue())
    waiting.addFilter(RequestFields())
    logging.root.handlers[:] = [waiting]
    listener = waiting.listener = logging.handlers.QueueListener(waiting.queue, *handlers)
    listener.start()
    """
    logged = run(tmp_path, setup, STANDARD, end="listener.stop()")
    [line, *access] = map(json.loads, logged.lines)
    assert line["trace_id"] == logged.record.trace_id
    assert line["corkboard.site"] == "alameda.ca"
    assert [each["logger"] for each in access] == (["telemetry.access"] if own else [])
    assert not [name for name in line if name.startswith("extra.")]
    assert logged.record.attributes == {"corkboard.site": "alameda.ca", "pages": 3}


STRUCTLOG = """
import structlog
from telemetry.logs.fields import add_request_fields
shared = [structlog.contextvars.merge_contextvars, add_request_fields]
last = structlog.stdlib.{last}
logging.config.dictConfig({config})
structlog.configure(
    processors=[*shared, last],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)
"""
FORMATTER = """config({
    "()": structlog.stdlib.ProcessorFormatter,
    "processors": [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(),
    ],
    "foreign_pre_chain": shared,
})"""
OURS = "telemetry.logging_config(debug=False)"


@pytest.mark.parametrize(
    ("last", "config"),
    [
        ("ProcessorFormatter.wrap_for_formatter", FORMATTER),
        ("ProcessorFormatter.wrap_for_formatter", OURS),
        ("render_to_log_kwargs", OURS),
        ("render_to_log_kwargs", 'config({"()": "pythonjsonlogger.json.JsonFormatter"})'),
    ],
    ids=["its formatter", "our lines", "as extra", "python-json-logger"],
)
def test_structlog_through_standard_logging(tmp_path: Path, last: str, config: str) -> None:
    """The event is the message, and its other fields are attributes, with any formatter."""
    setup = STRUCTLOG.format(last=last, config=config)
    logged = run(tmp_path, setup, 'structlog.get_logger("host").info("adopted", pages=3)')
    line = json.loads(logged.lines[0])
    assert line.get("event") == "adopted" or line.get("message") == "adopted"
    assert (line["pages"], line["trace_id"]) == (3, logged.record.trace_id)
    assert not [name for name in line if name.startswith(("extra.", "_"))]
    assert logged.record.body == "adopted"
    assert logged.record.attributes == {"corkboard.site": "alameda.ca", "pages": 3}


def test_an_exception_that_structlog_passes_on(tmp_path: Path) -> None:
    """Its record has the type, the message and the traceback, as one of standard logging."""
    setup = STRUCTLOG.format(last="ProcessorFormatter.wrap_for_formatter", config=OURS)
    logs = """
    try:
        raise LookupError("planted")
    except LookupError:
        structlog.get_logger("host").exception("failed")
    """
    logged = run(tmp_path, setup, logs)
    found = logged.record.attributes
    assert logged.record.body == "failed"
    assert (found["exception.type"], found["exception.message"]) == ("LookupError", "planted")
    assert "in application\nLookupError: planted" in str(found["exception.stacktrace"])
    assert "exc_info" not in found


@pytest.mark.parametrize("way", ["dictConfig", "fileConfig"])
def test_warnings_are_written_where_existing_loggers_are_disabled(tmp_path: Path, way: str) -> None:
    """Which is the default of both."""
    (tmp_path / "logging.ini").write_text(
        dedent(
            """
            [loggers]
            keys=root
            [handlers]
            keys=console,opentelemetry
            [formatters]
            keys=own
            [logger_root]
            level=INFO
            handlers=console,opentelemetry
            [handler_console]
            class=StreamHandler
            args=(sys.stdout,)
            formatter=own
            [handler_opentelemetry]
            class=telemetry.logs.bridge.LogBridge
            [formatter_own]
            format=%(name)s %(message)s
            """
        )
    )
    setup = {
        "dictConfig": 'logging.config.dictConfig({**config({"format": "%(name)s %(message)s"}), '
        '"disable_existing_loggers": True})',
        "fileConfig": 'logging.config.fileConfig("logging.ini")',
    }[way]
    logs = 'logging.getLogger("telemetry").warning("planted")'
    logged = run(tmp_path, setup, logs)
    assert "telemetry planted" in logged.lines
    assert logged.record.body == "planted"
