import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.protection import with_protected_cookies
from config.sites.directory import RegisteredSite, SiteDirectory
from config.sites.router import SubdomainRouter
from telemetry.scope import Message, Receive, Scope, Send
from tests.config.sites.datasettes.support import Pool
from tests.config.sites.support import get, make_database

SITES = {
    "alameda.ca": RegisteredSite("alameda.ca", "Alameda", "CA"),
    "empty.or": RegisteredSite("empty.or", "<b>Empty</b>", "OR"),
}


async def _load() -> Mapping[str, RegisteredSite]:
    return SITES


async def _inner(scope: Scope, _receive: Receive, send: Send) -> None:
    """Stands where Django does, and raises where Django does."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inner"})


async def _fail() -> Mapping[str, RegisteredSite]:
    raise ConnectionError("the registry is away")


def _with_router(
    tmp_path: Path,
    test: Callable[[SubdomainRouter], Awaitable[None]],
    *,
    load: Callable[[], Awaitable[Mapping[str, RegisteredSite]]] = _load,
    https: bool = False,
) -> None:
    make_database(tmp_path / "alameda.ca" / "meetings.db")

    async def run() -> None:
        pool = Pool(tmp_path)
        router = SubdomainRouter(
            _inner,
            root_domains=("localhost", "civic.band"),
            other_names=("127.0.0.1", "[::1]"),
            directory=SiteDirectory(load),
            pool=pool,
            https=https,
        )
        await test(router)
        await pool.close()

    asyncio.run(run())


async def _from(
    router: SubdomainRouter, host: str | bytes, url: str = "http://x/"
) -> httpx.Response:
    return await get(router, url, {"host": host})  # type: ignore[dict-item]  # bytes work too


def test_a_registered_subdomain_is_its_datasette(tmp_path: Path) -> None:
    """Whatever the root domain, the case, the port or a final dot."""

    async def visit(router: SubdomainRouter) -> None:
        for host in ("alameda.ca.localhost:8000", "Alameda.CA.civic.band", "alameda.ca.localhost."):
            page = await _from(router, host, "http://x/meetings/minutes.json?_shape=array")
            assert [row["id"] for row in page.json()] == ["1"], host

    _with_router(tmp_path, visit)


@pytest.mark.parametrize("host", ["localhost:8000", "civic.band", "127.0.0.1", "[::1]:8000", ""])
def test_the_hosts_own_names_are_the_inner_applications(tmp_path: Path, host: str) -> None:
    """The root domains, this machine by its address, and HTTP/1.0's silence."""

    async def visit(router: SubdomainRouter) -> None:
        assert (await _from(router, host)).text == "inner"

    _with_router(tmp_path, visit)


@pytest.mark.parametrize(
    "host", ["evil.example", "notlocalhost", "10.0.0.3", "localhost.evil.example"]
)
def test_a_name_of_somebody_elses_is_refused(tmp_path: Path, host: str) -> None:
    """Shortly, and without repeating it; Django would print a traceback for it."""

    async def visit(router: SubdomainRouter) -> None:
        answer = await _from(router, host)
        assert answer.status_code == 400
        assert host not in answer.text

    _with_router(tmp_path, visit)


@pytest.mark.parametrize(
    "host", ["10.0.0.3:8000", "alameda.ca.localhost", "nope.localhost", "evil"]
)
def test_health_is_the_inner_applications_whatever_the_host(tmp_path: Path, host: str) -> None:
    """Who asks for it knows an address and no name."""

    async def visit(router: SubdomainRouter) -> None:
        assert (await _from(router, host, "http://x/health/")).text == "inner"

    _with_router(tmp_path, visit, https=True)


def test_a_folder_that_nobody_registered_is_unknown(tmp_path: Path) -> None:
    """Whatever lies in it: data may be there before it is to be seen."""
    make_database(tmp_path / "ghost.ca" / "meetings.db")

    async def visit(router: SubdomainRouter) -> None:
        assert (await _from(router, "ghost.ca.localhost")).status_code == 302

    _with_router(tmp_path, visit)


@pytest.mark.parametrize(
    ("host", "url", "location"),
    [
        ("nope.localhost:8000", "http://x:8000/", "http://localhost:8000/"),
        # The server's port and not the client's.
        ("nope.localhost:6666", "http://x:8000/", "http://localhost:8000/"),
        ("nope.localhost:6666", "http://x/", "http://localhost/"),
        ("nope.civic.band", "https://x/deep/page?q=1", "https://civic.band/"),
        ("..civic.band", "http://x/", "http://civic.band/"),
        (b"\xff\xc3\xa9.localhost", "http://x/", "http://localhost/"),
        ("..%2f..%2fetc.localhost", "http://x/", "http://localhost/"),
        ("nope.localhost:80@evil.example", "http://x/", "http://localhost/"),
    ],
)
def test_an_unknown_subdomain_is_sent_home(
    tmp_path: Path, host: str | bytes, url: str, location: str
) -> None:
    """To the root domain it came by, with the server's scheme and port, and nowhere else."""

    async def visit(router: SubdomainRouter) -> None:
        answer = await _from(router, host, url)
        assert (answer.status_code, answer.headers["location"]) == (302, location)

    _with_router(tmp_path, visit)


def test_a_site_without_databases_says_so(tmp_path: Path) -> None:
    """A plain page, 404, with the name escaped and the way home."""

    async def visit(router: SubdomainRouter) -> None:
        answer = await _from(router, "empty.or.localhost:8000")
        assert answer.status_code == 404
        assert answer.headers["content-length"] == str(len(answer.content))
        assert "<h1>&lt;b&gt;Empty&lt;/b&gt;, OR</h1>" in answer.text
        assert 'href="http://localhost/"' in answer.text

    _with_router(tmp_path, visit)


def test_a_site_is_only_for_https_where_the_host_is(tmp_path: Path) -> None:
    """The same path again, byte for byte, at the port of HTTPS; what came by HTTPS is served."""

    async def visit(router: SubdomainRouter) -> None:
        answer = await _from(
            router, "Alameda.CA.civic.band:8000", "http://x/meetings/a%2Fb?q=%C3%A9&r=1"
        )
        assert answer.status_code == 301
        assert answer.headers["location"] == (
            "https://alameda.ca.civic.band/meetings/a%2Fb?q=%C3%A9&r=1"
        )
        assert (await _from(router, "alameda.ca.civic.band", "https://x/")).status_code == 200

    _with_router(tmp_path, visit, https=True)


def test_a_broken_site_has_a_page_of_its_own(tmp_path: Path) -> None:
    """503, for a while; the others are served."""
    (tmp_path / "empty.or").mkdir()
    (tmp_path / "empty.or" / "meetings.db").write_bytes(b"not a database" * 100)

    async def visit(router: SubdomainRouter) -> None:
        answer = await _from(router, "empty.or.localhost:8000")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["cache-control"] == "no-store"
        assert "&lt;b&gt;Empty&lt;/b&gt;, OR" in answer.text
        assert "database" not in answer.text
        assert (await _from(router, "alameda.ca.localhost")).status_code == 200

    _with_router(tmp_path, visit)


def test_while_the_sites_are_not_known_nobody_is_sent_away(tmp_path: Path) -> None:
    """A visitor may have come to the right place; the home page's own fate is Django's."""

    async def visit(router: SubdomainRouter) -> None:
        answer = await _from(router, "alameda.ca.localhost")
        assert answer.status_code == 503
        assert (await _from(router, "localhost")).text == "inner"

    _with_router(tmp_path, visit, load=_fail)


@pytest.mark.parametrize(
    "host", [b"localhost", b"nope.localhost", b"empty.or.localhost", b"alameda.ca.localhost"]
)
def test_a_websocket_is_refused(tmp_path: Path, host: bytes) -> None:
    """Politely: Django and Datasette would raise, and strangers could fill the log."""

    async def visit(router: SubdomainRouter) -> None:
        scope = {"type": "websocket", "scheme": "ws", "path": "/", "headers": [(b"host", host)]}
        sent = await _talk(router, scope, [{"type": "websocket.connect"}])
        assert [message["type"] for message in sent] == ["websocket.close"]

    _with_router(tmp_path, visit)


def test_lifespan_is_answered_and_closes_what_was_opened(tmp_path: Path) -> None:
    """Start-up completes at once; shutdown leaves no Datasette behind."""

    async def visit(router: SubdomainRouter) -> None:
        await _from(router, "alameda.ca.localhost")
        messages: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent = await _talk(router, {"type": "lifespan"}, messages)
        assert [message["type"] for message in sent] == [
            "lifespan.startup.complete",
            "lifespan.shutdown.complete",
        ]
        # Closed for good: a late request starts nothing that nobody would stop.
        assert (await _from(router, "alameda.ca.localhost")).status_code == 503

    _with_router(tmp_path, visit)


def test_who_built_it_hears_that_start_up_is_complete(tmp_path: Path) -> None:
    """After what is around the router has been told, and once."""
    heard: list[str] = []

    async def send(message: Message) -> None:
        heard.append(message["type"])

    async def main() -> None:
        router = SubdomainRouter(
            _inner,
            root_domains=("localhost",),
            other_names=(),
            directory=SiteDirectory(_load),
            pool=Pool(tmp_path),
            https=False,
            started=lambda: heard.append("started"),
        )
        waiting = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Message:
            return next(waiting)

        await router({"type": "lifespan"}, receive, send)

    asyncio.run(main())
    assert heard == ["lifespan.startup.complete", "started", "lifespan.shutdown.complete"]


async def _talk(
    router: SubdomainRouter, scope: dict[str, Any], messages: list[Message]
) -> list[Message]:
    sent: list[Message] = []
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    async def send(message: Message) -> None:
        sent.append(message)

    await router(scope, receive, send)
    return sent


def test_a_sites_cookies_are_for_https_and_for_no_script() -> None:
    """What Datasette has set itself is not set twice."""

    async def sent(https: bool, *cookies: bytes) -> list[bytes]:
        messages: list[Message] = []

        async def send(message: Message) -> None:
            messages.append(message)

        start = {"type": "http.response.start", "status": 200}
        headers = [(b"set-cookie", cookie) for cookie in cookies]
        await with_protected_cookies(send, https=https)({**start, "headers": headers})
        return [value for _, value in messages[0]["headers"]]

    bare, complete = b"ds_actor=a; Path=/", b"a=b; Secure; HttpOnly; SameSite=Strict"
    assert asyncio.run(sent(True, bare, complete)) == [
        b"ds_actor=a; Path=/; HttpOnly; SameSite=Lax; Secure",
        complete,
    ]
    assert asyncio.run(sent(False, bare)) == [b"ds_actor=a; Path=/; HttpOnly; SameSite=Lax"]
