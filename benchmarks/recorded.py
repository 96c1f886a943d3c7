"""Spans and a log record like the host's. A number makes each of them unique."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

if TYPE_CHECKING:
    from collections.abc import Mapping

STATEMENT = (
    "select id, page, \"order\", text from minutes where date >= :p0 and text like '%budget%' "
    "and rowid > 17 group by date order by date desc limit 101 -- {}"
)
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/srv/app/views.py", line 55, in sync_view\n'
    + '  File "/srv/app/.venv/lib/python3.11/site-packages/django/core/handlers/base.py", line 253,'
    " in _get_response_async\n    response = await wrapped_callback(request, *args, **kwargs)\n"
    * 12
    + "LookupError: no minutes of {}"
)

_RESOURCE = Resource({"service.name": "corkboard"})
_CONTEXT = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))


def _span(name: str, attributes: Mapping[str, Any], **more: Any) -> ReadableSpan:
    return ReadableSpan(
        name,
        context=_CONTEXT,
        resource=_RESOURCE,
        attributes=attributes,
        start_time=1,
        end_time=2,
        **more,
    )


def server(route: str, path: str, **more: Any) -> dict[str, Any]:
    return {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": route,
        "url.path": path,
        "url.scheme": "http",
        "server.address": "alameda.ca.civic.band",
        "server.port": 8000,
        "network.protocol.version": "1.1",
        "corkboard.outcome": "served",
        "corkboard.site": "alameda.ca",
        **more,
    }


def small_page(number: int) -> ReadableSpan:
    return _span("GET /sites/{name}", server("/sites/{name}", f"/sites/{number}"))


def table_page(number: int) -> ReadableSpan:
    return _span(
        "GET /{database}/{table}",
        server(
            "/{database}/{table}",
            "/meetings/minutes",
            **{
                "url.query": f"_search=budget{number}&_size=100&_sort=date",
                "corkboard.queries.count": 41,
                "corkboard.queries.execution_time": 0.0123,
                "corkboard.queries.databases": ("meetings", "_internal"),
                "corkboard.queries.statements": tuple(
                    STATEMENT.format(f"{number} {index}") for index in range(5)
                ),
                "corkboard.queries.statements.count": (1, 2, 3, 4, 5),
            },
        ),
    )


def query(number: int) -> ReadableSpan:
    return _span(
        "db.query",
        {
            "db.system.name": "sqlite",
            "db.namespace": "meetings",
            "db.query.text": STATEMENT.format(number),
            "db.operation.name": "SELECT",
            "datasette.operation": "read",
            "datasette.param_count": 1,
            "datasette.rows_returned": 101,
            "corkboard.site": "alameda.ca",
        },
    )


def failure(number: int) -> ReadableSpan:
    raised = {
        "exception.type": "LookupError",
        "exception.message": f"no minutes of {number}",
        "exception.stacktrace": TRACEBACK.format(number),
        "exception.escaped": "False",
    }
    return _span(
        "GET /fails/",
        server("/fails/", "/fails/"),
        kind=SpanKind.SERVER,
        events=[Event("exception", raised, 1)],
        status=Status(StatusCode.ERROR, f"no minutes of {number}"),
    )


def access_record(number: int) -> logging.LogRecord:
    path = f"/meetings/minutes/{number}"
    extra = {
        "http.request.method": "GET",
        "url.path": path,
        "http.response.status_code": 200,
        "duration_ms": 12.3,
        "http.response.body.size": 1234,
        "corkboard.outcome": "served",
        "trace_kept": True,
    }
    message = "%s %s %s %.1f ms"
    made = logging.makeLogRecord({"name": "telemetry.access", "levelno": 20, "levelname": "INFO"})
    made.msg, made.args = message, ("GET", path, "200", 12.3)
    vars(made).update(extra)
    return made
