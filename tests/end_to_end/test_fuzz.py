"""Requests that nobody thought of: each is answered, none becomes a label, memory stays flat."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.end_to_end.wire import request, send
from tests.support.servers import Server, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.hosts import Host

APP = "tests.end_to_end.private.application:application"
# In everything that is made up: what it is in came from a visitor.
MARK = b"Fz"
MEGABYTES = 24
"""What the process may grow by, once its caches are full."""

# What parsers, and our own rules, look for.
FRAGMENTS = st.sampled_from(
    [
        *(b"'", b'"', b"\\", b"@", b"~40", b"%", b"%25", b"%2540", b"?", b"&", b"=", b"#", b";"),
        *(b"..", b"//", b"{", b"{}", b"%s", b"\x1b[2J", b"\xff\xfe", b"\xed\xa0\x80", b"\xf0\x9f"),
        *(b"password=", b"Bearer ", b"token: ", b"eyJ", b"sk_live_", b"Cookie: ", b"://", b"-----"),
        *(b"select ", b"--", b"/*", b"*/", b'near "', b'unrecognized token: "', b"[", b"`"),
        *(b"a" * 3000, b"@" * 900, b"'" * 900, b"token." * 200, b"?a=" * 300, b"/" * 300),
    ]
)
ANYTHING = st.lists(FRAGMENTS | st.binary(max_size=24), max_size=8).map(
    lambda parts: MARK + b"".join(parts)
)
ENCODED = ANYTHING.map(lambda data: b"".join(b"%%%02X" % byte for byte in data[:200]))
# A server refuses other control characters itself; now and then they are there.
LINE = st.builds(
    lambda data, raw: re.sub(rb"[\r\n\0]" if raw else rb"[\0-\x1f\x7f]", b"", data),
    ANYTHING,
    st.integers(0, 19).map(lambda drawn: drawn == 0),
)
PATH = st.lists(
    st.sampled_from(
        [
            *(b"meetings", b"minutes", b"nothing", b"-", b"fails", b"repeats", b"route", b"path"),
            *(b"raise", b"query.json", b"admin", b"login", b"health", b"sync-view", b"log-error"),
        ]
    )
    | ENCODED
    | LINE.map(lambda data: re.sub(rb"[ ?#\x80-\xff]", b"", data)),
    max_size=5,
).map(lambda parts: b"/" + b"/".join(parts))
PARAMETER = st.sampled_from(
    [b"sql", b"q", b"_search", b"_where", b"_sort", b"_facet", b"_size", b"_next", b"text__exact"]
)
PAIR = st.tuples(
    PARAMETER | ENCODED, ENCODED | LINE.map(lambda data: re.sub(rb"[ \x80-\xff]", b"+", data))
)
QUERY = st.lists(PAIR.map(b"=".join) | ENCODED, max_size=5).map(b"&".join)
NAME = st.sampled_from(
    [
        *(b"Cookie", b"Authorization", b"User-Agent", b"Referer", b"X-Say", b"Accept", b"X-Fz"),
        *(b"traceparent", b"tracestate", b"baggage", b"X-Service-Secret", b"X-Forwarded-For"),
        *(b"Content-Type", b"Origin", b"X-HTTP-Method-Override"),
    ]
)
HEADER = st.tuples(NAME, LINE).map(b": ".join)
METHOD = st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"FZ", b"get", b"PUT"])


class Target(NamedTuple):
    """A server under fire, and who is behind it."""

    server: Server
    receiver: OTLPReceiver
    site: bytes

    def megabytes(self) -> float:
        """What its process holds."""
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found, status
        return int(found[1]) / 1024


@pytest.fixture(scope="module")
def target(host: Host) -> Iterator[Target]:
    with (
        OTLPReceiver() as receiver,
        EventReceiver() as errors,
        serve_uvicorn(
            APP,
            env=host.variables(
                receiver,
                DJANGO_SETTINGS_MODULE="tests.end_to_end.private.settings",
                SENTRY_DSN=errors.dsn,
                OTEL_TRACES_EXPORTER="otlp,console",
                OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST=".*",
                OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE=".*",
                TELEMETRY_USER_AGENT="true",
                # As in production: logged and counted.
                TELEMETRY_RAISE_FAILURES="0",
            ),
            args=["--no-access-log"],
        ) as server,
    ):
        yield Target(server, receiver, host.site.encode())


# 6,000 requests in a soak took two minutes on an idle machine.
@pytest.mark.timeout(3600)
def test_whatever_comes_is_answered_and_steers_nothing(target: Target) -> None:
    """Headers, paths, query strings and bodies, to both sides."""
    examples = settings().max_examples
    answered: list[int] = []

    @given(
        path=PATH,
        query=QUERY,
        headers=st.lists(HEADER, max_size=6),
        method=METHOD,
        on_site=st.booleans(),
        body=ANYTHING,
    )
    def fire(
        path: bytes, query: bytes, headers: list[bytes], method: bytes, on_site: bool, body: bytes
    ) -> None:
        host = target.site + b".localhost" if on_site else b"localhost"
        length = b"Content-Length: %d" % len(body)
        data = request(path + b"?" + query, *headers, length, method=method, host=host) + body
        status = send(target.server.port, data)
        # A server answers 400 to what is no HTTP.
        assert status is not None
        answered.append(status)

    fire()
    before = target.megabytes()
    fire()
    grown = target.megabytes() - before
    assert len(answered) >= examples
    assert {200, 404} <= set(answered)
    assert send(target.server.port, request()) == 200
    target.server.stop()
    output = target.server.output()
    assert "telemetry failed" not in output, output[output.index("telemetry failed") - 200 :][:3000]
    labels = {
        value
        for point in target.receiver.metrics
        for value in point.attributes.values()
        if isinstance(value, str)
    }
    assert [value for value in labels if MARK.decode().lower() in value.lower()] == []
    assert len(labels) < 100
    # Most of them got as far as the application.
    servers = sum(span.kind == "SERVER" for span in target.receiver.spans)
    assert servers > len(answered) / 2
    assert grown < MEGABYTES, f"{before:.0f} MiB and then {grown:.1f} more"
