"""Contrib's arguments, on our instrumentor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.telemetry.django.small_django import CONFIGURED
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import OTLPReceiver

VISIT = """
app = telemetry.asgi_wrapper(get_asgi_application())
print(asyncio.run(visit(app, os.environ["VISITED"])).body.decode())
telemetry.flush()
"""


def test_hooks_get_the_server_span(project: Path, receiver: OTLPReceiver) -> None:
    """`request_hook(span, request)` and `response_hook(span, request, response)`."""
    code = (
        CONFIGURED
        + """
def request_hook(span, request):
    span.set_attribute("hook.path", request.path)
def response_hook(span, request, response):
    span.set_attribute("hook.length", len(response.content))
DjangoInstrumentor().instrument(request_hook=request_hook, response_hook=response_hook)
"""
        + VISIT
    )
    body = printed(
        project, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, VISITED="/async/oakland/"
    )
    [span] = receiver.spans
    assert span.kind == "SERVER"
    assert span.attributes["hook.path"] == "/async/oakland/"
    assert span.attributes["hook.length"] == len(body)


def test_a_hook_that_raises_costs_no_page(project: Path, receiver: OTLPReceiver) -> None:
    """It is counted and logged, as everything of ours that fails within a request."""
    code = (
        CONFIGURED
        + """
from telemetry import failsafe
from telemetry.state import state
failsafe.raise_failures(False)
def hook(*args):
    raise LookupError("in a hook")
DjangoInstrumentor().instrument(request_hook=hook, response_hook=hook)
"""
        + VISIT
        + "print(dict(state.failures))"
    )
    output = printed(
        project, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, VISITED="/async/oakland/"
    )
    assert output.splitlines()[0].isdigit(), "the page"
    assert output.splitlines()[1] == str({"django.middleware.request": 1})
    [span] = receiver.spans
    assert span.name == "GET /async/{name}/"


def test_the_position_is_the_middleware_s(project: Path) -> None:
    """Contrib's variable; a position that there is not is the first, as contrib has it."""
    code = (
        CONFIGURED
        + """
telemetry.instrument()
from django.conf import settings
print([name.rsplit(".", 1)[-1] for name in settings.MIDDLEWARE])
"""
    )
    found = [
        printed(
            project,
            code,
            OTEL_TRACES_EXPORTER="console",
            OTEL_PYTHON_DJANGO_MIDDLEWARE_POSITION=position,
        )
        for position in ("1", "99")
    ]
    assert found == [
        "['CommonMiddleware', 'DjangoMiddleware', 'Inner']",
        "['DjangoMiddleware', 'CommonMiddleware', 'Inner']",
    ]


def test_sql_comments_carry_the_trace(project: Path, receiver: OTLPReceiver) -> None:
    """Contrib's own commenter, in its place: a slow query's log names its trace."""
    code = (
        CONFIGURED
        + """
DjangoInstrumentor().instrument(is_sql_commentor_enabled=True)
"""
        + VISIT
    )
    sql = printed(project, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, VISITED="/query/")
    [span] = receiver.spans
    assert sql.startswith("select 1 /*")
    assert f"traceparent='00-{span.trace_id}-{span.span_id}-0" in sql
    assert "controller='small_urls.query'" in sql


def test_excluded_urls_are_contrib_s_expressions(project: Path, receiver: OTLPReceiver) -> None:
    """A comma list, searched for in the whole address."""
    code = (
        CONFIGURED
        + """
DjangoInstrumentor().instrument(excluded_urls="nothing,band/async/[a-z]+/$")
"""
        + VISIT
    )
    printed(project, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, VISITED="/async/oakland/")
    assert receiver.spans == []


def test_django_can_be_left_out(project: Path) -> None:
    """OTEL_PYTHON_DJANGO_INSTRUMENT=false, contrib's variable."""
    code = (
        CONFIGURED
        + """
telemetry.instrument()
from django.conf import settings
print(len(settings.MIDDLEWARE))
"""
    )
    env = {"OTEL_TRACES_EXPORTER": "console", "OTEL_PYTHON_DJANGO_INSTRUMENT": "false"}
    assert printed(project, code, **env) == "2"
