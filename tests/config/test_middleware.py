"""What the host's own middleware lets through, and what it leaves out."""

import httpx
import pytest

from tests.support import web
from tests.support.servers import Server

HOSTS = ("civic.band", "10.1.2.3:8000", "evil.example", "web_1", "", "a..b")


def _get(server: Server, path: str, host: str) -> httpx.Response:
    return web.get(f"{server.url}{path}", headers={"host": host})


@pytest.mark.parametrize("name", HOSTS)
def test_health_answers_any_host(server: Server, name: str) -> None:
    """A load balancer asks by whatever address a container has."""
    assert _get(server, "/health/", name).json() == {"status": "ok"}


@pytest.mark.parametrize("name", HOSTS[1:])
@pytest.mark.parametrize("path", ["/", "/admin/login/", "/health/x", "/health", "//health/"])
def test_nothing_else_does(server: Server, path: str, name: str) -> None:
    """Not even what only looks like it."""
    assert _get(server, path, name).status_code == 400


def test_a_forgotten_slash_is_added(server: Server) -> None:
    """As Django does."""
    answer = _get(server, "/health", "localhost")

    assert (answer.status_code, answer.headers["location"]) == (301, "/health/")


@pytest.mark.parametrize("path", ["/", "/health/", "/sites/nope/", "/admin/login/"])
def test_every_page_says_how_it_may_be_used(server: Server, path: str) -> None:
    """In no frame, as no other type, and whence to nobody else's site."""
    headers = _get(server, path, "localhost").headers

    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
