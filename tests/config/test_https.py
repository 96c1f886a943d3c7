"""Behind a proxy that speaks HTTPS for the host."""

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial

import httpx
import pytest

from tests.end_to_end.wire import answer_to, request
from tests.support import web
from tests.support.admin import PASSWORD, USER, add_superuser
from tests.support.host import manage, migrated_host
from tests.support.servers import UVICORN_WORKER, Server, serve_gunicorn, serve_uvicorn
from tests.support.waiting import PATIENCE

# Anybody's, but no test's.
ANOTHER = "10.0.0.1"
HSTS = "max-age=31536000; includeSubDomains; preload"


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A migrated host whose HTTPS is not turned off."""
    env = migrated_host(tmp_path_factory.mktemp("host"))
    del env["HTTPS"]
    env["TELEMETRY_CLIENT_ADDRESS"] = "1"
    manage("register_site", "alameda.ca", "--name", "Alameda", "--state", "CA", env=env)
    add_superuser(env)
    return env


def _serve(kind: str, env: dict[str, str], trusted: str) -> AbstractContextManager[Server]:
    args = ["--forwarded-allow-ips", trusted]
    if kind == "uvicorn":
        return serve_uvicorn(env=env, args=args)
    return serve_gunicorn(env=env, workers=1, worker_class=kind, args=args)


@pytest.fixture(scope="module", params=["uvicorn", UVICORN_WORKER, "asgi"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def trusting(kind: str, env: dict[str, str]) -> Iterator[Server]:
    """A server that takes this machine for its proxy."""
    with _serve(kind, env, "127.0.0.1") as server:
        yield server
        assert "Traceback" not in server.output()


@pytest.fixture(scope="module")
def distrusting(kind: str, env: dict[str, str]) -> Iterator[Server]:
    """A server whose proxy is another machine."""
    with _serve(kind, env, ANOTHER) as server:
        yield server


def _get(server: Server, path: str, host: str = "civic.band", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    headers = {"host": host, **named}
    return web.get(f"{server.url}{path}", headers=headers)


def test_the_proxys_word_counts(trusting: Server) -> None:
    """What came to it by HTTPS is served, and told to come so for a year."""
    page = _get(trusting, "/", x_forwarded_proto="https")

    assert page.status_code == 200
    assert page.headers["strict-transport-security"] == HSTS


def test_a_strangers_word_does_not(distrusting: Server) -> None:
    """Whoever is not the proxy is sent to HTTPS, whatever they claim."""
    for claim in (
        {"x_forwarded_proto": "https"},
        {"x_forwarded_ssl": "on", "x_forwarded_protocol": "ssl"},
        {"forwarded": "proto=https"},
    ):
        page = _get(distrusting, "/?q=a", **claim)

        assert page.status_code == 301
        assert page.headers["location"] == "https://civic.band/?q=a"
        assert "strict-transport-security" not in page.headers


def clients(server: Server, path: str) -> list[str]:
    """Whom the access lines of this path name."""
    lines = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    return [line["client.address"] for line in lines if line.get("url.path") == path]


def says(server: Server, path: str) -> bool:
    """Whether there is such a line yet."""
    return bool(clients(server, path))


def test_the_client_is_whom_the_proxy_names(trusting: Server, distrusting: Server) -> None:
    """The last that the proxy did not hear from a stranger; nobody else can name one."""
    for server, client in ((trusting, "192.0.2.7"), (distrusting, "127.0.0.1")):
        _get(server, "/whoever", x_forwarded_for="198.51.100.1, 192.0.2.7")
        server.program.wait_until(partial(says, server, "/whoever"))
        assert clients(server, "/whoever") == [client]


@pytest.mark.parametrize("path", ["/", "/admin/", "/static/sites/pages.css", "/favicon.ico"])
def test_http_leads_to_https(trusting: Server, path: str) -> None:
    """Every page but the health page."""
    page = _get(trusting, path)

    assert (page.status_code, page.headers["location"]) == (301, f"https://civic.band{path}")


def test_the_health_page_is_not_redirected(trusting: Server, distrusting: Server) -> None:
    """It is asked for inside, without the proxy."""
    for server in (trusting, distrusting):
        assert _get(server, "/health/").json() == {"status": "ok"}


def test_the_host_is_the_one_asked_for(trusting: Server) -> None:
    """Not even the proxy can put another into the page's links."""
    page = _get(trusting, "/", x_forwarded_proto="https", x_forwarded_host="evil.example")

    assert 'href="//alameda.ca.civic.band/"' in page.text
    assert "evil.example" not in page.text


def test_the_admin_works_behind_the_proxy(trusting: Server) -> None:
    """Its cookies are for HTTPS only, and its forms are accepted from the page's own address."""
    https = {"x_forwarded_proto": "https"}
    form = _get(trusting, "/admin/login/", **https)
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    [cookie] = form.headers.get_list("set-cookie")
    assert "; Secure" in cookie

    def send(origin: str) -> httpx.Response:
        return web.post(
            f"{trusting.url}/admin/login/",
            data={"username": USER, "password": PASSWORD, "csrfmiddlewaretoken": token},
            headers={
                "host": "civic.band",
                "x-forwarded-proto": "https",
                "origin": origin,
                "referer": f"{origin}/admin/login/",
                "cookie": cookie.partition(";")[0],
            },
            timeout=PATIENCE,
        )

    answer = send("https://civic.band")
    assert answer.status_code == 302
    session = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("sessionid"))
    assert "; Secure" in session
    assert "HttpOnly" in session
    # A site is a page of the same domain, and another's to write.
    assert send("https://alameda.ca.civic.band").status_code == 403


def test_it_can_be_turned_off(env: dict[str, str]) -> None:
    """For a machine of one's own: plain pages, and no browser is told otherwise."""
    with serve_uvicorn(env={**env, "HTTPS": "0"}) as server:
        for headers in ({}, {"x_forwarded_proto": "https"}):
            page = _get(server, "/", **headers)
            assert page.status_code == 200
            assert "strict-transport-security" not in page.headers


# Request targets (RFC 9112, section 3.2) that are none, or of another host.
TARGETS = [
    *(
        b"/",
        b"/a",
        b"//evil.example/",
        b"///evil.example",
        b"/\\evil.example/",
        b"/%5cevil.example",
    ),
    *(b".evil.example://a/", b".evil.example/", b"@evil.example/", b":80@evil.example/", b"a"),
    *(b"http://evil.example/a", b"https://evil.example//a", b"evil.example:443", b"?a", b"#a"),
    *(
        b"*",
        b"/\tevil.example",
        b"/a%0d%0aLocation:%20https://evil.example",
        b"/%2f%2fevil.example",
    ),
    *(b"/a/../../b", b"/..//evil.example", b"/.evil.example://a", b"%2fevil.example", b"/\xff\xfe"),
    *(b"\\evil.example", b"//evil.example:80@b/", b"/?//evil.example", b"/;//evil.example"),
    *(
        b"/login",
        b"/-/logout",
        b"/meetings/",
        b"/admin",
        b"/sites/alameda.ca/",
        b"/-/a//evil.example",
    ),
]
HOSTS = [
    *(b"civic.band", b"alameda.ca.civic.band", b"nope.civic.band", b"CIVIC.band.", b"localhost"),
    *(
        b"civic.band:6666",
        b"alameda.ca.civic.band:6666",
        b"nope.civic.band:6666",
        b"127.0.0.1:6666",
    ),
    *(b"civic.band:6666@evil.example", b"evil.example/.civic.band", b"evil.example\\.civic.band"),
    *(b"evil.example", b"evil.example#.civic.band", b"a@evil.example:80", b"[::1]:6666", b""),
    *(b"civic.band evil.example", b"civic.band\tevil.example", b"civic.band:6666/evil.example"),
]
OURS = re.compile(
    r"https://(?:alameda\.ca\.)?(?:civic\.band|localhost)/[^\s\\]*|/(?![/\\])[^\s\\]*"
    r"|https://(?:127\.0\.0\.1|\[::1\])(?::\d+)?/[^\s\\]*"
    r"|//alameda\.ca\.(?:civic\.band|localhost)/"
)


def locations(server: Server, data: bytes) -> list[str]:
    """Where the answer sends a browser."""
    head = answer_to(server.port, data).partition(b"\r\n\r\n")[0].decode("latin-1")
    return re.findall(r"(?im)^location: ?(.*?)\r?$", head)


def test_no_redirect_is_made_of_what_a_client_sends(trusting: Server) -> None:
    """Neither of the target nor of the Host header; and the client's port is not repeated."""
    seen: list[str] = []
    for secure in ((), (b"X-Forwarded-Proto: https",)):
        for target in TARGETS:
            for host in (b"civic.band", b"alameda.ca.civic.band", b"nope.civic.band"):
                seen += locations(trusting, request(target, *secure, host=host))
        for host in HOSTS:
            for target in (b"/", b"/meetings/a?b=c", b"//evil.example/"):
                seen += locations(trusting, request(target, *secure, host=host))
                seen += locations(
                    trusting, request(target, *secure, b"Host: evil.example", host=host)
                )
    assert len(seen) > 80
    assert [each for each in seen if not OURS.fullmatch(each)] == []
    assert not any("6666" in each for each in seen)


def test_both_sides_protect_their_visitors(trusting: Server) -> None:
    """The home page, a site's pages of any status, its redirects, and refusals."""
    for host, path in (
        ("civic.band", "/"),
        ("alameda.ca.civic.band", "/"),
        ("alameda.ca.civic.band", "/-/not-found"),
        ("alameda.ca.civic.band", "/-/static/app.css"),
        ("nope.civic.band", "/"),
        ("evil.example", "/"),
    ):
        page = _get(trusting, path, host, x_forwarded_proto="https")
        shown = {name: page.headers.get_list(name) for name in PROTECTION}
        assert shown == {name: [value] for name, value in PROTECTION.items()}, (host, path)
        plain = _get(trusting, path, host)
        assert "strict-transport-security" not in plain.headers


PROTECTION = {
    "strict-transport-security": HSTS,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
