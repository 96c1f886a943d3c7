"""The requests that both versions get, in this order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from tests.differential.sites import BROKEN_SITE, EMPTY_SITE, SEALED_SITE, SITE

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT_NAME = b"localhost"
SITE_NAME = f"{SITE}.localhost".encode()
SEALED_NAME = f"{SEALED_SITE}.localhost".encode()
EMPTY_NAME = f"{EMPTY_SITE}.localhost".encode()
BROKEN_NAME = f"{BROKEN_SITE}.localhost".encode()

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = b"00f067aa0ba902b7"
OTHER_TRACE = TRACE[::-1]
SAMPLED = b"traceparent: 00-%b-%b-01" % (TRACE, SPAN)
OTHER_SAMPLED = b"traceparent: 00-%b-%b-01" % (OTHER_TRACE, SPAN)
UNSAMPLED = b"traceparent: 00-%b-%b-00" % (TRACE, SPAN)
SECRET = b"a-secret-of-this-service"
SENT_LATE = "a body that comes late"
_ENDLESS = "with+recursive+n(x)+as+(select+1+union+all+select+x%2B1+from+n)+select+max(x)+from+n"
_FACETS = ("_facet_array", "_facet_date", "_facet")
# Without queries beside the one that fails: whether those still end depends on time.
_ALONE = "&_nosuggest=1&_nocount=1"


class Manner(Enum):
    """How a client behaves."""

    READS_ALL = "reads the whole answer"
    LEAVES = "leaves before the answer"
    LEAVES_HALF_WAY = "leaves after the first bytes of the answer"
    SENDS_LATE = "sends the second half of its body late"
    WEBSOCKET = "opens a WebSocket and sends one message"


@dataclass(frozen=True)
class Request:
    """One request, byte by byte.

    Args:
        label: a name that is unique.
        data: what is sent.
        body: what is sent after that.
        manner: how the client behaves.
    """

    label: str
    data: bytes
    body: bytes = b""
    manner: Manner = Manner.READS_ALL


def request(
    target: str | bytes,
    *headers: bytes,
    host: bytes | None = SITE_NAME,
    method: bytes = b"GET",
    version: bytes = b"1.1",
    body: bytes = b"",
    label: str = "",
    manner: Manner = Manner.READS_ALL,
) -> Request:
    """Put a request together; everything is sent as it is given."""
    path = target.encode() if isinstance(target, str) else target
    lines = [b"%b %b HTTP/%b" % (method, path, version)]
    lines += [b"Host: " + host] if host is not None else []
    lines += headers
    if body and not any(line.lower().startswith(b"transfer-encoding") for line in headers):
        lines.append(b"Content-Length: %d" % len(body))
    if manner is not Manner.WEBSOCKET:
        lines.append(b"Connection: close")
    name = (host or b"no host").decode("latin-1")
    shown = f"{method.decode('latin-1')} {name}{path.decode('latin-1')}"
    return Request(
        label or ascii(shown)[1:-1][:120],
        b"\r\n".join([*lines, b"", b""]),
        body,
        manner,
    )


def django(path: str | bytes, *headers: bytes, **options: object) -> Request:
    """Put together a request to Django."""
    return request(path, *headers, host=ROOT_NAME, **options)  # type: ignore[arg-type]


def websocket(path: str, *headers: bytes, host: bytes = ROOT_NAME) -> Request:
    """Put together the handshake of a WebSocket."""
    upgrade = (
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    return request(
        path,
        *upgrade,
        *headers,
        host=host,
        manner=Manner.WEBSOCKET,
        label=f"WebSocket {host.decode()}{path}",
    )


def all_requests() -> list[Request]:
    """Give all requests. A label that stands twice gets a number."""
    seen: dict[str, int] = {}
    found = []
    groups = (_site_pages, _sql_pages, _other_sites, _django_pages, _plugin_pages, _layer_pages)
    for group in (*groups, _malformed, _strangers, _bodies, _leaving, _websockets):
        for each in group():
            seen[each.label] = count = seen.get(each.label, 0) + 1
            label = each.label if count == 1 else f"{each.label} ({count})"
            found.append(replace(each, label=label))
    return found


def some_requests() -> list[Request]:
    """Give a few requests of each kind, for destinations beside the first."""
    return [
        request("/"),
        request("/meetings"),
        request("/meetings/minutes?_facet=day"),
        request("/meetings/minutes/1.json"),
        request("/meetings/-/query.json?sql=select+%27planted%27"),
        request("/meetings/-/query?sql=select+nothing"),
        request("/meetings/nothing"),
        request(f"/meetings/minutes?_facet_array=nope{_ALONE}"),
        request("/-/plugin/fails"),
        request("/-/plugin/client"),
        request("/-/plugin/loop"),
        request("/-/plugin/function"),
        django("/"),
        django("/health/"),
        django("/nothing"),
        django("/django/fails/"),
        django("/django/spans/"),
        django("/django/measures/"),
        django("/django/logs/"),
        django("/django/number/7/", SAMPLED, b"tracestate: a=b", b"baggage: c=d"),
        django("/django/form/", body=b"a=1&b=2", method=b"POST"),
        django("/layer/fails-half-way"),
        django("/layer/names-site"),
        request("/", host=b"unknown.localhost"),
    ]


def _site_pages() -> Iterator[Request]:
    for path in (
        *("/", "/.json", "/-/versions.json", "/-/plugins.json", "/-/actor.json"),
        *("/-/tables.json?q=min", "/-/permissions", "/-/logout", "/-/create-token"),
        *("/-/static/app.css", "/-/static/missing.css", "/favicon.ico", "/robots.txt"),
        *("/meetings", "/meetings.json", "/meetings.db", "/budget"),
        *("/meetings/minutes", "/meetings/minutes.json", "/meetings/minutes.csv"),
        *("/meetings/minutes.csv?_stream=1", "/meetings/minutes.csv?_dl=1&_size=2"),
        *("/meetings/minutes.json?_shape=array", "/meetings/minutes.json?_shape=odd"),
        *("/meetings/minutes.json?_nl=on&_shape=array", "/meetings/minutes.json?_extra=count"),
        *("/meetings/minutes?_facet=day&_facet=pages", "/meetings/minutes?_facet_array=tags"),
        *("/meetings/minutes?_facet_date=day", "/meetings/minutes?_search=ferry&_sort=title"),
        *("/meetings/minutes.json?_size=3", "/meetings/minutes?_size=3&_next=3"),
        *("/meetings/minutes?_col=title&title__contains=ferry&pages__gt=3",),
        *("/meetings/minutes.json?_where=pages%3E3", "/meetings/minutes.json?_timelimit=500"),
        *("/meetings/minutes?_trace=1", "/meetings/minutes.blob", "/meetings/minutes/1"),
        *("/meetings/minutes/1.json", "/meetings/minutes/999", "/meetings/minutes/1/2"),
        *("/meetings/pairs/x,1", "/meetings/pairs/x,1.json", "/meetings/long_minutes"),
        *("/meetings/odd~20name~2C~20with~2Fslash", "/meetings/sqlite_master"),
        *("/meetings/nothing", "/nothing", "/nothing/at/all", "/far/too/many/parts/for/it"),
        *("/meetings/minutes.odd", "/meetings/minutes/", "/meetings/", "//meetings"),
    ):
        yield request(path)


def _sql_pages() -> Iterator[Request]:
    for sql in (
        *("select+1", "select+%27planted%27+as+a,+2+--+comment", "select+nothing", "selec", ""),
        *("insert+into+minutes(id)+values+(99)", "select+fails(%27sql%27)", "select+:name"),
        *("select+%27%ed%a0%80%27", "select+%22", "pragma+table_info(minutes)"),
        *("select+1;select+2", "select+:name&name=someone%40example.org"),
    ):
        yield request(f"/meetings/-/query.json?sql={sql}")
    yield request(f"/meetings/-/query.json?_timelimit=1&sql={_ENDLESS}", label="endless SQL")
    yield request("/meetings/-/query?sql=select+*+from+minutes")
    yield request("/meetings/-/query?sql=select+nothing")
    yield request("/meetings/-/query.csv?sql=select+1")
    yield request("/meetings/-/query.csv?sql=select+nothing")
    yield request("/meetings?sql=select+1")


def _other_sites() -> Iterator[Request]:
    for host in (SEALED_NAME, EMPTY_NAME, BROKEN_NAME, b"unknown.localhost"):
        yield request("/", host=host)
        yield request("/meetings/minutes?_facet=day", host=host)
    yield request("/meetings/minutes.json", host=SEALED_NAME)
    for host in (b"evil.example", b"ALPHA.CA.LocalHost", b"alpha.ca.localhost.", b"a b", b"[::1]"):
        yield request("/", host=host)
    for host in (b"alpha.ca.localhost:99999", b"alpha.ca.localhost:8000", b"127.0.0.1", b"\xff"):
        yield request("/", host=host)
    yield request("/", host=None, version=b"1.0", label="HTTP/1.0 without a Host")
    yield request("/", b"Host: evil.example", label="two Hosts")


def _django_pages() -> Iterator[Request]:
    for path in (
        *("/", "/?q=alpha", "/?state=CA", "/?page=2", "/?page=nope", "/health", "/health/"),
        *("/health/ready", "/admin", "/admin/", "/admin/login/", "/admin/sites/site/?q=words"),
        *("/sites/alpha.ca/", "/sites/nothing/", "/static/sites/style.css", "/static/missing.css"),
        *("/static/admin/css/base.css", "/static/../settings.py", "/favicon.ico", "/nothing"),
        *("/nothing/someone@example.org", "/nothing/?token=abcdefghijklmnop&_sort=name"),
        *("/django/number/7/", "/django/number/seven/", "/django/text/word/"),
        *("/django/expression/2026/", "/django/in-middleware/", "/django/text/a%2Fb/"),
    ):
        yield django(path)
    for name in (
        *("asynchronous", "synchronous", "fails", "fails-asynchronously", "fails-with-cause"),
        *("fails-in-thread", "fails-in-span", "fails-with-text", "reports-failure", "logs"),
        *("logs-error", "logs-exception", "logs-exception-and-raises", "spans", "measures"),
        *("redirects", "not-modified", "missing", "forbidden", "bad", "suspicious"),
        *("unavailable", "streams", "streams-synchronously", "fails-in-stream", "record"),
    ):
        yield django(f"/django/{name}/")
    yield django("/django/fails-with-text/?text=someone%40example.org+password%3Dhunter2hunter2")
    yield django("/django/fails-with-text/?text=%ED%A0%80")
    # Failures that differ in nothing, one after the other.
    yield django("/django/fails/?q=again")


def _plugin_pages() -> Iterator[Request]:
    for name in (
        *("fails", "template", "execute-fn", "sql", "function", "write", "failing-write"),
        *("failing-write-in-background", "client", "client-fails", "client-missing", "span"),
        *("loop", "logs", "background", "write-in-background"),
    ):
        yield request(f"/-/plugin/{name}")
    yield request("/meetings/minutes?hook=1")
    yield request("/-/plugin/fails", host=SEALED_NAME)


def _layer_pages() -> Iterator[Request]:
    for name in (
        *("fails", "fails-half-way", "streams", "no-answer", "headers", "context"),
        *("names-site", "sets-failure"),
    ):
        yield django(f"/layer/{name}")
    yield django("/layer/nothing")


def _malformed() -> Iterator[Request]:
    for query in (
        *("_timelimit=x", "_timelimit=-1", *(f"{facet}=nope{_ALONE}" for facet in _FACETS)),
        *("text__in=[", "title__in=[", "nope=1", "_sort=nope", "_sort=id&_sort_desc=id"),
        *("_size=nope", "_size=-1", "_size=99999", "_next=nope", "_where=nope", "_col=nope"),
        *("_search=%22&_searchmode=raw", "title__nope=1", "_shape=nope", "_ttl=nope"),
        *(
            "_facet_size=nope",
            f"_facet_array=title{_ALONE}",
            "%ED%A0%80=1",
            "_sort=%00",
            "=",
            "&&&",
            "%",
        ),
    ):
        yield request(f"/meetings/minutes?{query}")
    for method in (
        *(b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH", b"QUERY"),
        *(b"PROPFIND", b"get", b"NO-SUCH-METHOD-THAT-IS-LONGER-THAN-32-CHARACTERS"),
    ):
        yield request("/meetings/minutes/1.json", method=method)
        yield django("/health/", method=method)
    for path in (
        *(
            b"/%ff%fe",
            b"/%ED%A0%80",
            b"/%00",
            b"/a%0d%0ab",
            b"/\xe4\xf6",
            b"/%",
            b"/%zz",
            b"/..%2f",
        ),
        *(b"/meetings/%ED%A0%80", b"/meetings/minutes/%00", b"/?%ff=%fe", b"*", b"nothing"),
        *(b"http://evil.example/", b"/" + b"a" * 3000, b"/%1b%5b31mred", b"/?a" + b"=1&b" * 300),
    ):
        yield request(path, label=f"a site's {ascii(path)[2:62]}")
        yield django(path, label=f"Django's {ascii(path)[2:62]}")
    yield Request("not HTTP", b"\x16\x03\x01 hello\r\n\r\n")
    yield Request("no version", b"GET /\r\n\r\n")
    yield django("/health/", version=b"9.9")
    yield django("/health/", b"Content-Length: nope", method=b"POST", label="a length of nope")
    yield django("/health/", b"No-Colon", label="a header without a colon")


def _strangers() -> Iterator[Request]:
    state, baggage = b"tracestate: planted=state", b"baggage: planted=baggage"
    for name, headers in {
        "sampled": (SAMPLED, state, baggage),
        "not sampled": (UNSAMPLED, state),
        "too short": (b"traceparent: 00-" + TRACE,),
        "no version": (b"traceparent: ff-%b-%b-01" % (TRACE, SPAN),),
        "zeros": (b"traceparent: 00-%b-%b-01" % (b"0" * 32, SPAN),),
        "twice": (SAMPLED, UNSAMPLED),
        "with the secret": (SAMPLED, state, baggage, b"X-Service-Secret: " + SECRET),
        "with a wrong secret": (SAMPLED, state, baggage, b"X-Service-Secret: wrong"),
        "tracestate of OpenTelemetry": (SAMPLED, b"tracestate: ot=th:0;rv:00000000000000"),
        "forwarded": (
            b"X-Forwarded-For: 192.0.2.1",
            b"X-Forwarded-Proto: https",
            b"X-Forwarded-Host: evil.example",
            b"X-Forwarded-Port: 1",
            b"Forwarded: for=192.0.2.1",
        ),
        "credentials": (
            b"Authorization: Bearer planted-bearer",
            b"Cookie: ds_actor=planted; sessionid=planted",
            b"X-Api-Key: planted",
            b"Referer: https://example.org/?q=planted",
        ),
        "browser": (b"User-Agent: Mozilla/5.0 planted", b"Accept-Language: de"),
        "bot": (b"User-Agent: Googlebot/2.1",),
        "odd bytes": (b"User-Agent: \xff\xfe", b"X-Odd: \xed\xa0\x80", b"baggage: \xff=\xfe"),
        "method override": (b"X-HTTP-Method-Override: DELETE",),
        "traces of other kinds": (
            b"sentry-trace: %b-%b-1" % (TRACE, SPAN),
            b"b3: %b-%b-1" % (TRACE, SPAN),
        ),
    }.items():
        yield django("/layer/context", *headers, label=f"Django, {name}")
        # The trace of a trusted client names one request.
        others = [OTHER_SAMPLED if header is SAMPLED else header for header in headers]
        yield request("/meetings/minutes/1.json", *others, label=f"a site, {name}")
    yield request("/-/plugin/fails", SAMPLED, state, label="a site that fails, sampled")
    yield django("/django/fails/", UNSAMPLED, state, label="Django that fails, not sampled")


def _bodies() -> Iterator[Request]:
    form = b"Content-Type: application/x-www-form-urlencoded"
    json = b"Content-Type: application/json"
    yield django("/django/form/", form, method=b"POST", body=b"a=1&password=planted")
    yield django("/django/form/", json, method=b"POST", body=b'{"a": "\\ud800"}')
    yield django("/django/protected-form/", form, method=b"POST", body=b"a=1")
    yield django("/admin/login/", form, method=b"POST", body=b"username=a&password=planted")
    yield django("/layer/reads", method=b"POST", body=b"x" * 100_000)
    yield django(
        "/layer/reads",
        b"Transfer-Encoding: chunked",
        method=b"POST",
        body=b"5\r\nhello\r\n0\r\n\r\n",
        label="a chunked body",
    )
    yield request("/-/plugin/body", method=b"POST", body=b"x" * 5000)
    yield request("/meetings/-/create", json, method=b"POST", body=b'{"table": "planted"}')
    yield request("/meetings/-/create", json, method=b"POST", body=b"{not JSON")
    yield request("/meetings/minutes/-/insert", json, method=b"POST", body=b'{"row": {}}')
    yield django(
        "/layer/reads",
        method=b"POST",
        body=b"x" * 1000,
        manner=Manner.SENDS_LATE,
        label=SENT_LATE,
    )


def _leaving() -> Iterator[Request]:
    yield django("/layer/streams-until-left", manner=Manner.LEAVES_HALF_WAY)
    yield django("/layer/fails-when-left", method=b"POST", body=b"x", manner=Manner.LEAVES)


def _websockets() -> Iterator[Request]:
    yield websocket("/layer/echoes")
    yield websocket("/layer/echoes?token=planted", SAMPLED)
    yield websocket("/layer/closes")
    yield websocket("/layer/fails-in-websocket")
    yield websocket("/")
    yield websocket("/", host=SITE_NAME)
