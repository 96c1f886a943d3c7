"""Lines that the host formats itself have the request's trace, site and route."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import logging.config
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from telemetry.logs.fields import RequestFields, add_request_fields
from telemetry.request import RequestRecord, attach_record
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KNOWN = {
    "trace_id": TRACE,
    "span_id": SPAN,
    "trace_flags": "01",
    "corkboard.site": "alameda.ca",
    "http.route": "/{database}/{table}",
}


@pytest.fixture
def request_record() -> Iterator[RequestRecord]:
    """A request that is being served."""
    span = NonRecordingSpan(
        SpanContext(int(TRACE, 16), int(SPAN, 16), is_remote=False, trace_flags=TraceFlags(1))
    )
    record = RequestRecord("GET", span)
    record.site, record.route = "alameda.ca", "/{database}/{table}"
    token = context_api.attach(attach_record(record, trace.set_span_in_context(span, Context())))
    yield record
    context_api.detach(token)


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


def _logger(output: io.StringIO, formatter: dict[str, Any], **options: str) -> logging.Logger:
    """A logger of a host that formats its own lines."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"own": formatter},
            "filters": {"request": {"()": "telemetry.logs.fields.RequestFields", **options}},
            "handlers": {
                "own": {
                    "class": "logging.StreamHandler",
                    "stream": output,
                    "formatter": "own",
                    "filters": ["request"],
                }
            },
            "loggers": {"own": {"handlers": ["own"], "level": "INFO", "propagate": False}},
        }
    )
    return logging.getLogger("own")


JSON = {"()": "pythonjsonlogger.json.JsonFormatter", "format": "%(levelname)s %(message)s"}


def test_python_json_logger_writes_them(request_record: RequestRecord, output: io.StringIO) -> None:
    """And `extra` as before; the names are those of this package's own lines."""
    _logger(output, JSON).info("adopted", extra={"pages": 3})
    assert json.loads(output.getvalue()) == {
        "levelname": "INFO",
        "message": "adopted",
        "pages": 3,
        **KNOWN,
    }


def test_outside_of_a_request_there_are_none(output: io.StringIO) -> None:
    """A line of JSON has no empty fields."""
    _logger(output, JSON).info("started")
    assert json.loads(output.getvalue()) == {"levelname": "INFO", "message": "started"}


def test_a_task_that_outlives_its_request_is_not_attributed_to_it(
    request_record: RequestRecord, output: io.StringIO
) -> None:
    """As on this package's own lines."""
    logger = _logger(output, JSON)

    async def later() -> None:
        request_record.ended = True
        logger.info("later")

    asyncio.run(later())
    assert json.loads(output.getvalue()) == {"levelname": "INFO", "message": "later"}


def test_a_task_that_outlives_its_request_has_the_trace_of_a_span_that_it_starts(
    request_record: RequestRecord, output: io.StringIO
) -> None:
    """Its own trace, and neither the site nor the route of the request that started it."""
    logger = _logger(output, JSON)
    own = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(0))

    async def later() -> None:
        request_record.ended = True
        with trace.use_span(NonRecordingSpan(own)):
            logger.info("later")

    asyncio.run(later())
    assert json.loads(output.getvalue()) == {
        "levelname": "INFO",
        "message": "later",
        "trace_id": "0" * 31 + "1",
        "span_id": "0" * 15 + "2",
        "trace_flags": "00",
    }


def test_a_format_string_has_them_always(request_record: RequestRecord) -> None:
    """With a text for what is missing: `logging` refuses a name that a record lacks."""
    text = {"format": "%(message)s %(trace_id)s %(corkboard.site)s %(http.route)s"}
    output = io.StringIO()
    logger = _logger(output, text, missing="-")
    logger.info("inside")
    request_record.site = None
    logger.info("no site")
    assert output.getvalue().splitlines() == [
        f"inside {TRACE} alameda.ca /{{database}}/{{table}}",
        f"no site {TRACE} - /{{database}}/{{table}}",
    ]


def test_structlog_has_them_by_a_processor(request_record: RequestRecord) -> None:
    """With standard logging or without; what the event says itself is kept."""
    written = io.StringIO()
    logger = structlog.wrap_logger(
        structlog.PrintLogger(written),
        processors=[add_request_fields, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logger.info("adopted", trace_id="its own")
    assert json.loads(written.getvalue()) == {"event": "adopted", **KNOWN, "trace_id": "its own"}


DJANGO_STRUCTLOG = """
    import asyncio, json, sys
    import structlog, telemetry
    from telemetry.logs.fields import add_request_fields
    telemetry.configure({"OTEL_TRACES_EXPORTER": "console", "TELEMETRY_CONSOLE": "off"})
    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import path
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            add_request_fields,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    settings.configure(
        SECRET_KEY="only-for-tests",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="__main__",
        MIDDLEWARE=["django_structlog.middlewares.RequestMiddleware"],
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processor": structlog.processors.JSONRenderer(),
                    "foreign_pre_chain": [add_request_fields],
                },
            },
            "handlers": {
                "console": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "json",
                },
            },
            "root": {"handlers": ["console"], "level": "INFO"},
        },
    )

    async def home(request):
        import logging
        logging.getLogger("host").info("of standard logging")
        return HttpResponse("home")

    urlpatterns = [path("home/", home)]
    from django.core.asgi import get_asgi_application
    telemetry.instrument()
    application = telemetry.asgi_wrapper(get_asgi_application())
    from tests.telemetry.asgi.driving import visit
    client = asyncio.run(visit(application, "/home/"))
    print(json.dumps(dict(client.sent[0]["headers"])[b"traceresponse"].decode()))
"""


def test_django_structlog_has_them_too(tmp_path: Path) -> None:
    """On its own events of a request, and on lines of standard logging that it formats."""
    *lines, response = map(json.loads, printed(tmp_path, DJANGO_STRUCTLOG).splitlines())
    of_request = [line for line in lines if "trace_id" in line]
    assert [line["event"] for line in of_request] == [
        "request_started",
        "of standard logging",
        "request_finished",
    ]
    assert {line["trace_id"] for line in of_request} == {response.split("-")[1]}
    assert of_request[-1]["http.route"] == "/home/"
    assert "request_id" in of_request[-1]


def test_the_filter_passes_every_record() -> None:
    """Of any level and any logger."""
    record = logging.LogRecord("any", logging.DEBUG, __file__, 1, "text", (), None)
    assert RequestFields().filter(record) is True
