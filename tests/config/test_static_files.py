"""Static files and the icon, from each server that production may run."""

import http.client
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import web
from tests.support.host import host_environment
from tests.support.processes import HOST
from tests.support.servers import UVICORN_WORKER, Server, serve_gunicorn, serve_uvicorn
from tests.support.waiting import PATIENCE

CSS = "/static/sites/pages.css"
ICON = "/static/sites/icon.svg"

UVICORN = "uvicorn"
DEBUG = "uvicorn under DEBUG"


@pytest.fixture(scope="module", params=[UVICORN, DEBUG, UVICORN_WORKER, "asgi"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A host from a clean checkout; nothing was collected anywhere."""
    env = host_environment(tmp_path_factory.mktemp("host"))
    env["PYTHONWARNINGS"] = "always"
    if request.param == DEBUG:
        env |= {"DEBUG": "1", "OTEL_SDK_DISABLED": "true"}
    if request.param in (UVICORN, DEBUG):
        serving = serve_uvicorn(env=env)
    else:
        serving = serve_gunicorn(env=env, workers=1, worker_class=request.param)
    with serving as server:
        yield server
        # Django's word for a response that it can't send without blocking.
        assert "synchronous iterator" not in server.output()
        assert "StreamingHttpResponse" not in server.output()
        assert "Traceback" not in server.output()


def _get(server: Server, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.get(f"{server.url}{path}", headers=named)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        (CSS, 'text/css; charset="utf-8"'),
        (ICON, "image/svg+xml"),
        ("/static/admin/css/base.css", 'text/css; charset="utf-8"'),
        ("/static/admin/js/core.js", 'text/javascript; charset="utf-8"'),
    ],
)
def test_a_file_is_served_as_what_it_is(server: Server, path: str, content_type: str) -> None:
    """Whole, ours and the admin's, with the headers of every page."""
    answer = _get(server, path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == content_type
    assert len(answer.content) == int(answer.headers["content-length"]) > 100
    assert answer.headers["cache-control"].startswith("max-age=")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_browsers_find_an_icon_where_they_look(server: Server) -> None:
    """At the root, though no page names it there."""
    answer = _get(server, "/favicon.ico")

    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.content == _get(server, ICON).content


def test_what_a_browser_has_is_not_sent_again(server: Server) -> None:
    """By date and by tag."""
    first = _get(server, CSS)

    for headers in (
        {"if_modified_since": first.headers["last-modified"]},
        {"if_none_match": first.headers["etag"]},
    ):
        again = _get(server, CSS, **headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert "content-type" not in again.headers
    assert _get(server, CSS, if_none_match='"another"').status_code == 200


def test_a_part_can_be_asked_for(server: Server) -> None:
    """As a broken download is continued."""
    whole = _get(server, CSS).content
    part = _get(server, CSS, range="bytes=10-19")

    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert _get(server, CSS, range=f"bytes={len(whole)}-").status_code == 416


def test_a_head_has_no_body(server: Server) -> None:
    """But the length that a GET would have."""
    answer = web.head(f"{server.url}{CSS}")

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(_get(server, CSS).content)


def test_files_are_only_read(server: Server) -> None:
    """Any other method is refused, with those that are not."""
    answer = web.post(f"{server.url}{CSS}", content=b"x")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/static/sites/nope.css",
        "/static/",
        "/static/sites",
        "/static/sites/",
        "/static/../config/settings.py",
        "/static/sites/../../../settings.py",
        "/static/%2e%2e/config/settings.py",
        "/static/..%2f..%2fsettings.py",
        "/static/sites/..%5c..%5csettings.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/sites/pages.css%00",
        "/static/sites/pages.css/",
    ],
)
def test_nothing_else_is_there(server: Server, path: str) -> None:
    """Neither what is missing nor what lies beyond the folders of static files."""
    # Not httpx, which tidies a path up before it asks.
    connection = http.client.HTTPConnection(HOST, server.port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()

    # A server may refuse an unclean path before it is ours.
    assert answer.status in (400, 404), body
    assert b"root:" not in body
    assert b"INSTALLED_APPS" not in body


def test_a_foreign_host_gets_none(server: Server) -> None:
    """As with every page but the health page."""
    assert _get(server, CSS, host="evil.example").status_code == 400


def test_django_alone_refuses_it_too(tmp_path: Path) -> None:
    """The router comes first and refuses: without it, these files would be anybody's."""
    env = {**host_environment(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    factory = "django.core.asgi:get_asgi_application"
    with serve_uvicorn(factory, env=env, args=["--factory", "--lifespan", "off"]) as server:
        for path in (CSS, "/favicon.ico", "/"):
            assert _get(server, path, host="evil.example").status_code == 400
        assert _get(server, CSS, host="civic.band").status_code == 200
        assert _get(server, "/health/", host="evil.example").status_code == 200
