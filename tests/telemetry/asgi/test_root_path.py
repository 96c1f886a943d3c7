"""`root_path`: the application is mounted below a path, which its lists of paths do not name."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.scope import application_path
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed

# By ASGI's specification, and as uvicorn and gunicorn have it.
MOUNTED = [
    {"path": "/app/health/", "root_path": "/app"},
    {"path": "/app/health/", "root_path": "/app/"},
    {"path": "/health/", "root_path": "/app"},
]


@pytest.mark.parametrize(
    ("path", "root_path", "below"),
    [
        ("/app/x", "/app", "/x"),
        ("/app", "/app", "/"),
        ("/app/", "/app", "/"),
        ("/apple/x", "/app", "/apple/x"),
        ("/x", "/app", "/x"),
        ("/x", "", "/x"),
        ("/x", None, "/x"),
        ("/x", "/", "/x"),
        ("", "", ""),
    ],
)
def test_the_path_below(path: str, root_path: str | None, below: str) -> None:
    """Whether the server includes the root or not."""
    assert application_path({"path": path, "root_path": root_path}) == below


@pytest.mark.parametrize("scope", MOUNTED)
def test_an_untraced_path_is_below(scope: dict[str, str]) -> None:
    """Matched from its start. The span of another request has the whole path."""
    observed = Observed(answering(), untraced_paths="/health/")
    run(_visit(observed, **scope))
    assert observed.spans == ()
    run(_visit(observed, **scope | {"path": "/app/page"}))
    assert observed.span.attributes is not None
    assert observed.span.attributes["url.path"] == "/app/page"


@pytest.mark.parametrize("scope", MOUNTED)
def test_an_unlogged_path_is_below(scope: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """The access line of another request has the whole path."""
    observed = Observed(answering(), unlogged_paths="/health/$", access_log=True)
    with caplog.at_level("INFO", "telemetry.access"):
        run(_visit(observed, **scope))
        assert caplog.messages == []
        run(_visit(observed, **scope | {"path": "/app/page"}))
    [line] = caplog.messages
    assert line.startswith("GET /app/page 200")


@pytest.mark.parametrize("scope", MOUNTED)
@pytest.mark.parametrize("pattern", ["^http://[^/]+/health/", "band/health/$"])
def test_an_excluded_url_is_below(scope: dict[str, str], pattern: str) -> None:
    """As contrib matches it, in the whole URL."""
    observed = Observed(answering(), excluded_urls=pattern)
    run(_visit(observed, **scope))
    assert observed.spans == ()


async def _visit(observed: Observed, **scope: Any) -> None:
    path = scope.pop("path")
    await visit(observed.edge, path, **scope)
