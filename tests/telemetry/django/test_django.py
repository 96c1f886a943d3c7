"""Django behind the edge: what only Django knows lands on the one SERVER span."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.telemetry.django.small_django import CONFIGURED, write_project
from tests.telemetry.scripts import printed, run_python

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import ReceivedSpan

HOST = (
    CONFIGURED
    + """
telemetry.instrument()
app = telemetry.asgi_wrapper(get_asgi_application())

async def visits():
    for path in os.environ["PATHS"].split():
        await visit(app, path)

asyncio.run(visits())
telemetry.flush()
"""
)
PATHS = (
    "/sync/2013/",
    "/equal/",
    "/tenant/",
    "/async/oakland/",
    "/wp-login.php",
    "/broken/",
    "/abroken/",
    "/missing/",
)


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ReceivedSpan]:
    """The only span of a request to each path."""
    folder = tmp_path_factory.mktemp("small")
    write_project(folder)
    with OTLPReceiver() as receiver:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "PATHS": " ".join(PATHS)}
        printed(folder, HOST, **env)
    assert len(receiver.spans) == len(PATHS), receiver.summary()
    return {str(span.attributes["url.path"]): span for span in receiver.spans}


@pytest.mark.parametrize(
    ("path", "name", "route", "view"),
    [
        ("/sync/2013/", "GET /sync/{year}/", "/sync/{year}/", "small_urls.sync_view"),
        ("/async/oakland/", "GET /async/{name}/", "/async/{name}/", "small_urls.async_view"),
        # One without a hash, and one whose request has another scope by then.
        ("/equal/", "GET /equal/", "/equal/", "small_urls.Equal"),
        ("/tenant/", "GET /tenant/", "/tenant/", "small_urls.sync_view"),
    ],
)
def test_a_view_names_the_span(
    visited: dict[str, ReceivedSpan], path: str, name: str, route: str, view: str
) -> None:
    """Synchronous or not: the route, readable, and the function; no span of Django's own."""
    span = visited[path]
    assert (span.name, span.kind, span.scope) == (name, "SERVER", "telemetry")
    assert span.attributes["http.route"] == route
    assert span.attributes["code.function.name"] == view


def test_an_address_without_a_view_has_no_route(visited: dict[str, ReceivedSpan]) -> None:
    """Scanners invent addresses without end; none becomes a name."""
    span = visited["/wp-login.php"]
    assert span.name == "GET"
    assert "http.route" not in span.attributes
    assert span.attributes["http.response.status_code"] == 404


@pytest.mark.parametrize("path", ["/broken/", "/abroken/"])
def test_an_exception_is_one_event(visited: dict[str, ReceivedSpan], path: str) -> None:
    """Django makes a page of it, and would keep it to itself."""
    span = visited[path]
    assert (span.status, span.status_message) == ("ERROR", "minutes are lost")
    assert span.attributes["error.type"] == "LookupError"
    assert span.attributes["http.response.status_code"] == 500
    [event] = span.events
    assert event.attributes["exception.type"] == "LookupError"
    assert "small_urls.py" in str(event.attributes["exception.stacktrace"])


def test_a_view_that_says_404_is_no_exception(visited: dict[str, ReceivedSpan]) -> None:
    """Http404 is how it says so."""
    span = visited["/missing/"]
    assert span.events == ()
    assert (span.name, span.status) == ("GET /missing/", "UNSET")


def test_an_async_view_never_leaves_the_loop_s_thread(
    project: Path, receiver: OTLPReceiver
) -> None:
    """Nor do the middlewares: a synchronous one among them costs two hops a request."""
    code = (
        CONFIGURED
        + """
threads = {}
def request_hook(span, request): threads["before"] = threading.get_ident()
def response_hook(span, request, response): threads["after"] = threading.get_ident()
inner = []
DjangoInstrumentor().instrument(request_hook=request_hook, response_hook=lambda s, request, r: (
    response_hook(s, request, r), inner.append(request.inner_thread)))
app = telemetry.asgi_wrapper(get_asgi_application())
view = asyncio.run(visit(app, "/async/oakland/")).body.decode()
loop = threading.get_ident()
assert {**threads, "inner": inner[0], "view": int(view)} == dict.fromkeys(
    ["before", "after", "inner", "view"], loop), (threads, inner, view, loop)
telemetry.flush()
print("one thread")
"""
    )
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
    assert printed(project, code, **env) == "one thread"


def test_django_s_variables(project: Path, receiver: OTLPReceiver) -> None:
    """Its own exclusions, which the edge can't know to be Django's, and request attributes."""
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_PYTHON_DJANGO_EXCLUDED_URLS": "/sync/,wp-",
        "OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS": "path_info, content_type, no_such_thing",
        "PATHS": "/sync/1/ /async/x/",
    }
    printed(project, HOST, **env)
    [span] = receiver.spans
    assert span.name == "GET /async/{name}/"
    assert span.attributes["path_info"] == "/async/x/"
    assert span.attributes["content_type"] == ""
    assert "no_such_thing" not in span.attributes
    counted = [p for p in receiver.metrics if p.name == "http.server.request.duration"]
    assert {(p.attributes["http.route"], p.count) for p in counted} == {("/async/{name}/", 1)}
    active = [p for p in receiver.metrics if p.name == "http.server.active_requests"]
    assert {point.value for point in active} == {0}


@pytest.mark.parametrize(
    ("given", "traced"),
    [
        ("", {"/sync/1/"}),
        ("none", {"/sync/1/", "/static/app.css", "/favicon.ico"}),
        ("/sync/", {"/static/app.css", "/favicon.ico"}),
    ],
)
def test_static_files_are_counted_and_not_traced(
    project: Path, receiver: OTLPReceiver, given: str, traced: set[str]
) -> None:
    """By default; to no exporter, the console neither; and by their route where there is one."""
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_TRACES_EXPORTER": "otlp,console",
        "OTEL_TRACES_SAMPLER": "always_on",
        "TELEMETRY_UNTRACED_PATHS": given,
        "PATHS": "/sync/1/ /static/app.css /favicon.ico",
    }
    done = run_python(project, HOST, **env)
    assert done.returncode == 0, done.stderr
    assert {span.attributes["url.path"] for span in receiver.spans} == traced
    printed = {path for path in env["PATHS"].split() if f"GET {path}" in done.stderr}
    assert printed == traced
    counted = [p for p in receiver.metrics if p.name == "http.server.request.duration"]
    assert {(p.attributes.get("http.route"), p.count) for p in counted} == {
        ("/sync/{year}/", 1),
        ("/static/{name}", 1),
        (None, 1),
    }


def test_without_an_edge_django_says_so_once(project: Path, receiver: OTLPReceiver) -> None:
    """Its requests are served, and one line tells why none is seen. WSGI is such a host."""
    code = (
        CONFIGURED
        + """
telemetry.instrument()
from django.test import Client
for _ in range(3):
    print(Client().get("/sync/1/").status_code)
telemetry.flush()
"""
    )
    done = run_python(project, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert done.stdout.split() == ["200"] * 3
    assert done.stderr.count("no edge is in front of it") == 3, "one for each handler"
    assert receiver.spans == []
