"""Who may read and write, and what a page is asked with."""

from __future__ import annotations

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from telemetry.viewer.server import guard
from tests.support.clock import Clock, run_by
from tests.telemetry.asgi.driving import Client, answering, visit
from tests.telemetry.viewer.sending import PROTOBUF, Trace, new_id
from tests.telemetry.viewer.serving import serve_viewer

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from telemetry.scope import Message, Receive, Send

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
SCRIPT = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
FRAME = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 200),
        ("/", {"Sec-Fetch-Site": "none"} | NAVIGATION, 200),
        ("/", {"Sec-Fetch-Site": "same-origin"}, 200),
        # A link elsewhere opens the page, which the page with the link can't read.
        ("/", {"Sec-Fetch-Site": "cross-site"} | NAVIGATION, 200),
        ("/", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/", {"Sec-Fetch-Site": "cross-site"} | SCRIPT, 403),
        ("/", {"Sec-Fetch-Site": "cross-site"} | FRAME, 403),
        ("/", {"Sec-Fetch-Site": "same-site"} | SCRIPT, 403),
        ("/requests.json", {"Sec-Fetch-Site": "same-site"}, 403),
        ("/telemetry.json", {"Sec-Fetch-Site": "cross-site"}, 403),
        # Any SQL can be run there.
        ("/telemetry", {"Sec-Fetch-Site": "cross-site"} | NAVIGATION, 403),
        ("/-/otel/metrics", {"Sec-Fetch-Site": "cross-site"} | NAVIGATION, 403),
        # A browser that does not send the header.
        ("/requests.json", {"Origin": "https://evil.example"}, 403),
        ("/requests.json", {"Origin": "null"}, 403),
        ("/requests.json", {"Origin": "http://[::"}, 403),
    ],
)
def test_a_page_elsewhere_reads_nothing(
    viewer: httpx.Client, path: str, headers: dict[str, str], status: int
) -> None:
    """By a script, an image, a frame or a form; from another port of this machine neither."""
    answer = viewer.get(path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in answer.headers


CROSS_SITE = {"Sec-Fetch-Site": "cross-site"} | NAVIGATION
BIG = "9" * 400
OWN = (
    *("/", "/requests", "/routes", "/sql", "/logs", "/search?q=a", "/received", "/.json"),
    *("/requests.json", "/sql.txt", "/trace/c0ffee00", f"/trace/{'A' * 32}.json", "/v1/traces"),
    *("/viewer-static/viewer.css", "/favicon.ico"),
)
DATASETTES = (
    *("/telemetry", "/telemetry.json", "/telemetry.db", "/telemetry/spans", "/telemetry/spans.csv"),
    *("/telemetry/-/query", "/telemetry/-/query.json?sql=select+1", "/telemetry/-/schema"),
    # The same database, spelled otherwise.
    *("/~74elemetry/-/query.json?sql=select+1", "/tele~6Detry", "/%74elemetry", "/telemetr%79/x"),
    *("/TELEMETRY", "/Telemetry/-/query", "/telemetry/", "/x//telemetry", "/telemetry%00"),
    *("/%2ftelemetry", "/.%2ftelemetry", "/sql%2f..%2ftelemetry", "/viewer-static%2f..%2fx"),
    # Other databases.
    *("/_memory/-/query.json?sql=select+1", "/_memory", "/:memory:/-/query.json?sql=select+1"),
    *("/_internal", "/nothing", "/\N{LATIN SMALL LETTER E WITH ACUTE}"),
    # Almost the viewer's own.
    *("/sql/", "/sql.csv", "/sql~2Ejson", "/sql%3f", "/s%71l", "/sql%0a", "/SQL", "/requests/x"),
    *("/sql/-/query?sql=select+1", "/trace/abc", f"/trace/{'a' * 33}", "/trace/abcd/-/query"),
    *("/v1/traces/x", "/viewer-static", "/favicon.ico/x", "/faviconxico"),
    *("/-", "/-/", "/-.json", "/-/databases", "/-/databases.json", "/-/queries", "/-/jump.json"),
    *("/-/static/app.css", "/-/otel", "/-/otel/", "/-/otel/spans", "/-/permissions", "/-/schema"),
)


@pytest.mark.parametrize("address", OWN)
def test_a_link_elsewhere_opens_a_page_of_the_viewer_s_own(
    viewer: httpx.Client, address: str
) -> None:
    """The page checks its parameters itself."""
    joined = "&" if "?" in address else "?"
    for given in (address, f"{address}{joined}unknown={BIG}"):
        assert viewer.get(given, headers=CROSS_SITE).status_code in (200, 404, 405)


@pytest.mark.parametrize("address", DATASETTES)
def test_a_link_elsewhere_opens_no_page_of_datasette_s(viewer: httpx.Client, address: str) -> None:
    """However its path is written: any SQL can be run there, with its own limit of integers."""
    assert viewer.get(address, headers=CROSS_SITE).status_code == 403
    joined = "&" if "?" in address else "?"
    answer = viewer.get(f"{address}{joined}_size={BIG}")
    assert (answer.status_code, "'_size' is a number of 400" in answer.text) == (400, True)


SHORTENED = (
    *("/sql/../telemetry", "/viewer-static/../telemetry/x", "/./telemetry", "/trace/../_memory"),
    *("http://127.0.0.1/telemetry", "//telemetry/-/query?sql=select+1", "//telemetry", "*"),
)


@pytest.mark.parametrize("path", SHORTENED)
def test_a_path_that_browsers_shorten_opens_none_either(viewer: httpx.Client, path: str) -> None:
    """It is sent as it is written here."""
    answer = _answered(viewer, path, *(f"{name}: {value}" for name, value in CROSS_SITE.items()))
    assert answer.split()[1] in (b"400", b"403", b"404"), answer
    assert b"telemetry" not in answer.partition(b"\r\n\r\n")[2]


def _answered(viewer: httpx.Client, path: str, *headers: str) -> bytes:
    with _asked(viewer, path, *headers) as client:
        return b"".join(iter(lambda: client.recv(65_536), b""))


def _asked(viewer: httpx.Client, path: str, *headers: str) -> socket.socket:
    """A connection on which a path is asked for, and nothing is read."""
    where = viewer.base_url.host, viewer.base_url.port
    lines = (f"GET {path} HTTP/1.1", f"Host: {where[0]}:{where[1]}", "Connection: close")
    client = socket.create_connection(where)
    client.sendall("\r\n".join((*lines, *headers, "", "")).encode())
    return client


def test_its_own_origin_reads(viewer: httpx.Client) -> None:
    """A script of the page sends it with some requests."""
    origin = str(viewer.base_url).rstrip("/")
    assert viewer.get("/requests.json", headers={"Origin": origin}).status_code == 200


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/?before=9223372036854775808", "before is '9223372036854775808'"),
        (f"/?before={BIG}", "before is '999"),
        ("/?before=-1", "before is '-1': wanted nanoseconds since 1970"),
        ("/?before=\N{SUPERSCRIPT TWO}", "before is '²'"),
        (
            "/logs?before=1-x",
            "before is '1-x': wanted nanoseconds since 1970, or these, `-` and an id",
        ),
        ("/?slow=x", "slow is 'x': wanted a number of milliseconds"),
        ("/?slow=nan", "slow is 'nan'"),
        ("/?slow=1e999", "slow is '1e999'"),
        ("/routes?slow=-1", "slow is '-1'"),
        ("/logs?level=LOUD", "level is 'LOUD': wanted one of DEBUG, INFO, WARNING, ERROR"),
        (f"/?q={'a' * 2_001}", "q has 2001 characters: wanted up to 2000"),
        (f"/?site={'a' * 2_001}", "site has 2001 characters"),
        (f"/search?q={'a' * 9_000}", "The query string has 9002 bytes: at most 8192"),
        ("/?" + "&".join(f"a{n}=1" for n in range(101)), "There are more than 100 parameters"),
        (f"/telemetry/spans?_size={BIG}", "'_size' is a number of 400 digits"),
        (f"/-/otel/traces?_next={BIG}", "'_next' is a number of 400 digits"),
        ("/sql.json?level=x", "level is 'x'"),
        ("/logs.txt?level=x", "level is 'x'"),
    ],
)
def test_a_parameter_that_can_t_be_used_is_named(
    viewer: httpx.Client, address: str, said: str
) -> None:
    """With 400, in the form that was asked for."""
    answer = viewer.get(address)
    assert answer.status_code == 400
    assert said in answer.text.replace("&#39;", "'")
    assert "Traceback" not in answer.text


MALFORMED = [
    *(
        f"/telemetry/spans{form}?{query}"
        for form in ("", ".json", ".csv")
        for query in (
            "_timelimit=x",
            "_timelimit=%7B%7D",
            "_facet=nope",
            "_facet_array=nope",
            "_facet_date=nope",
            "_through=null",
            "_through=%5B",
            "name__in=%5B",
            "start_ns__gt=99999999999999999999",
            "_where=%00",
        )
    ),
    "/telemetry/spans.json?_json_infinity=maybe",
    "/telemetry/-/query.json?_timelimit=x",
]


@pytest.mark.parametrize("address", MALFORMED)
def test_a_page_of_datasette_s_refuses_what_it_can_t_use(
    viewer: httpx.Client, address: str
) -> None:
    """With 400 or as if it were not there, where stock Datasette answers 500; and no traceback."""
    answer = viewer.get(address)
    assert answer.status_code in (200, 400)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("method", "path"), [("FOO", "/"), ("BREW", "/-/permissions"), ("POST", "/telemetry/-/query")]
)
def test_a_method_that_is_none_is_refused(viewer: httpx.Client, method: str, path: str) -> None:
    """By pages of Datasette's own and by those of the viewer."""
    assert viewer.request(method, path).status_code in (400, 403, 405)


def test_a_host_of_any_bytes_is_refused(viewer: httpx.Client) -> None:
    """For pages, the receiver and what is not there alike."""
    for path in ("/", "/v1/traces", "/nothing", "/telemetry"):
        answer = viewer.get(path, headers={"Host": "evil.example:4318"})
        assert answer.status_code == 421
        assert "--allowed-host" in answer.text


SLOW_SQL = (
    "with recursive c(n) as (select 1 union all select n + 1 from c where n < 1000000000) "
    "select sum(n) from c"
)


def test_slow_queries_of_one_tab_stall_no_other() -> None:
    """While as many run as a browser has connections, the pages and the receiver answer."""
    # The server's time limit of such a query is five seconds.
    with serve_viewer() as (running, viewer), ThreadPoolExecutor(6) as tab:
        slow = [
            tab.submit(viewer.get, "/telemetry/-/query.json", params={"sql": SLOW_SQL, "n": n})
            for n in range(6)
        ]
        answered = 0
        while not any(each.done() for each in slow) and answered < 5:
            for address in ("/", "/sql", "/logs", "/-/otel/spans", f"/trace/{new_id(16).hex()}"):
                assert viewer.get(address).status_code in (200, 404)
            assert viewer.post("/v1/logs", headers=PROTOBUF).status_code == 200
            answered += 1
        # Not waited for: they take all processors for as long as their limits allow.
        running.kill()
    assert answered > 1


TABLE = "/telemetry/spans.csv"
FOR_EVER = 10 * guard.PLACE_SECONDS


class Page:
    """A page of Datasette's that works for some seconds, and the most of them at once."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self.running = self.most = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await receive()
            await asyncio.sleep(self._seconds)
            await answering(200, b"a", b"b")(scope, receive, send)
        finally:
            self.running -= 1


class NotReading(Client):
    """One that reads so many messages, and no more."""

    def __init__(self, reads: int = 0) -> None:
        super().__init__()
        self._reads = reads

    async def send(self, message: Message) -> None:
        if len(self.sent) >= self._reads:
            await asyncio.sleep(FOR_EVER)
        await super().send(message)


class NotSending(Client):
    """One whose body does not arrive."""

    async def receive(self) -> Message:
        await asyncio.sleep(FOR_EVER)
        return await super().receive()


def _statuses(page: Page, *clients: Client, path: str = TABLE) -> list[int | None]:
    """The status of each, or None for one that has no whole response."""
    guarded = guard.Guard(page)

    async def visits() -> None:
        headers = [(b"host", b"127.0.0.1")]
        await asyncio.gather(
            *(visit(guarded, path, client=each, headers=headers) for each in clients)
        )

    run_by(Clock(), visits())
    return [each.status if each.sent and not _is_cut(each) else None for each in clients]


def _is_cut(client: Client) -> bool:
    return client.sent[-1]["type"] != "http.response.body" or "more_body" in client.sent[-1]


@pytest.mark.parametrize(
    ("waiting", "status"),
    [(NotReading, None), (lambda: NotReading(2), None), (NotSending, 408)],
    ids=["head", "body", "request"],
)
def test_a_client_that_waits_keeps_no_place(
    waiting: Callable[[], Client], status: int | None
) -> None:
    """Its page is ended, and others are served: as many at once as before."""
    page = Page()
    gone = [waiting() for _ in range(3 * guard.TABLE_PAGES)]
    statuses = _statuses(page, *gone[: guard.TABLE_PAGES], Client(), Client(), Client())
    assert statuses == [status] * guard.TABLE_PAGES + [200] * 3
    assert page.most == guard.TABLE_PAGES
    assert page.running == 0


def test_a_client_that_reads_slowly_is_served() -> None:
    """However long all of it takes."""
    slow = Client(delay=0.9 * guard.CLIENT_SECONDS)
    assert _statuses(Page(5 * guard.CLIENT_SECONDS), slow) == [200]


def test_a_page_that_waits_too_long_for_others_says_so() -> None:
    """With 503, and when to try again. Pages of the viewer's own wait for none."""
    page = Page(0.7 * guard.PLACE_SECONDS)
    clients = [Client() for _ in range(3 * guard.TABLE_PAGES)]
    assert _statuses(page, *clients) == [200] * 2 * guard.TABLE_PAGES + [503] * guard.TABLE_PAGES
    assert page.most == guard.TABLE_PAGES
    assert b"try again" in clients[-1].body
    assert int(dict(clients[-1].sent[0]["headers"])[b"retry-after"]) > 0
    for path in ("/sql", "/-/otel/spans", "/-/static/app.css"):
        page = Page(FOR_EVER)
        assert _statuses(page, *(Client() for _ in clients), path=path) == [200] * len(clients)
        assert page.most == len(clients)


def test_downloads_that_are_not_read_stall_no_table() -> None:
    """Of more than the connection holds."""
    trace = Trace()
    for _ in range(4_000):
        trace.span("large", text="x" * 4_000)
    with serve_viewer() as (running, viewer):
        viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
        unread = [_asked(viewer, f"{TABLE}?_stream=on&_size=max") for _ in range(guard.TABLE_PAGES)]
        try:
            for address in ("/", "/telemetry"):
                started = time.monotonic()
                assert viewer.get(address).status_code == 200
            assert time.monotonic() - started > guard.CLIENT_SECONDS / 2, "none was waited for"
        finally:
            for client in unread:
                client.close()
        assert running.stop() == 0
        assert "Traceback" not in running.output()


def test_a_query_that_takes_too_long_is_ended(viewer: httpx.Client) -> None:
    """It is no error of the viewer."""
    parameters = {"sql": SLOW_SQL, "_timelimit": "50"}
    answer = viewer.get("/telemetry/-/query.json", params=parameters)
    assert answer.status_code == 400
    assert "took too long" in answer.text


def test_a_body_that_stops_in_the_middle_keeps_no_room(viewer: httpx.Client) -> None:
    """Its sender is gone; others are served."""
    url = viewer.base_url
    head = (
        f"POST /v1/logs HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nContent-Length: 60000000\r\n\r\n"
    )
    for _ in range(5):
        with socket.create_connection((url.host, url.port)) as sender:
            sender.sendall(head.encode() + b"x")
    deadline = time.monotonic() + 60
    while viewer.post("/v1/logs", headers=PROTOBUF).status_code != 200:
        assert time.monotonic() < deadline
    waiting = {row["what"]: row["stored"] for row in viewer.get("/received.json").json()["stored"]}
    assert waiting["bytes of requests in memory"] < 5 * 60_000_000
