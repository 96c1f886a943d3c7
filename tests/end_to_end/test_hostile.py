"""What no browser sends: each is answered, none shows up as a label, and telemetry survives."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.end_to_end.wire import answer_to, leave, request, send
from tests.support.servers import Server, serve_gunicorn, serve_uvicorn
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.testing import ReceivedPoint
    from tests.end_to_end.hosts import Host

SERVERS = {
    "uvicorn": partial(serve_uvicorn, args=["--no-access-log"]),
    # Its parser is another, and it hands on what uvicorn's refuses.
    "gunicorn-asgi": partial(serve_gunicorn, worker_class="asgi", workers=1),
}
REQUESTS = {
    "a foreign host": request(host=b"forged.example"),
    "no host": request(host=None),
    "an empty host": request(host=b""),
    "a host that is none": request(host=b"[forged:::1"),
    "a port that is none": request(host=b"localhost:forged"),
    "a huge port": request(host=b"localhost:" + b"9" * 500),
    "bytes for a host": request(host=b"\xff\xfe\x80.localhost"),
    "two hosts": request(b"/", b"Host: forged.localhost"),
    "a long host": request(host=b"forged." * 2000 + b"localhost"),
    "bytes in headers": request(
        b"/",
        *(name + b": \xff\xfe\x80\xed\xa0\x80" for name in (b"X-Forged", b"Cookie", b"Referer")),
        *(name + b": \xff\xfe\x80\xed\xa0\x80" for name in (b"User-Agent", b"X-Service-Secret")),
        *(name + b": \xff\xfe\x80\xed\xa0\x80" for name in (b"Traceparent", b"Baggage")),
    ),
    "bytes in a header's name": request(b"/", b"X-\xff: forged"),
    "a backslash in a header": request(b"/", b"User-Agent: \\", b"X-Forged: \\N{forged}"),
    "64 KB of headers": request(b"/", b"X-Forged: " + b"f" * 60_000),
    "more headers than are read": request(b"/", *(b"X-%d: f" % n + b"f" * 900 for n in range(80))),
    "many headers": request(b"/", *(b"X-%d: forged" % n for n in range(90))),
    "an unknown method": request(method=b"FORGED"),
    "a method in lower case": request(method=b"get"),
    "a long method": request(method=b"FORGED" * 500),
    "all of the server": request(b"*", method=b"OPTIONS"),
    "a tunnel": request(b"forged.example:443", method=b"CONNECT"),
    "another's address": request(b"http://forged.example/forged"),
    "an escaped slash": request(b"/health%2F..%2Fforged"),
    "a null": request(b"/forged%00/"),
    "half a surrogate": request(b"/forged%ED%A0%80/%FF%FE"),
    "half an escape": request(b"/forged%/%2/%zz"),
    "raw bytes in the path": request(b"/forged\xff\xfe\xed\xa0\x80"),
    "escapes for a terminal": request(b"/forged%1b%5b31m%0a%0d%07"),
    "a long path": request(b"/forged" * 1100),
    "a path beyond reading": request(b"/forged" * 12_000),
    "a long query": request(b"/?" + b"forged=1&" * 4000),
    "HTTP/1.0": request(version=b"1.0", host=None),
    "HTTP of tomorrow": request(version=b"9.9"),
    "a body that was not announced": request() + b"forged" * 100,
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03forged\r\n\r\n",
}


@dataclass(frozen=True)
class Target:
    """A server under fire."""

    server: Server
    receiver: OTLPReceiver
    site: bytes

    def fire(self, data: bytes) -> int | None:
        """Send it to the home page's host as it is, and, where it names that, to the site's."""
        answers = [send(self.server.port, data)]
        to_site = data.replace(b"Host: localhost\r\n", b"Host: " + self.site + b".localhost\r\n")
        if to_site != data:
            answers.append(send(self.server.port, to_site))
        return None if None in answers else answers[0]

    def is_well(self) -> bool:
        """Whether it still answers, and has complained of nothing."""
        output = self.server.output()
        assert "Traceback" not in output, output
        assert "telemetry failed" not in output, output
        return send(self.server.port, request()) == 200

    def points(self, name: str) -> list[ReceivedPoint]:
        """Give a metric's points as they are now."""
        self.receiver.clear()

        def latest(receiver: OTLPReceiver) -> list[ReceivedPoint]:
            points = [point for point in receiver.metrics if point.name == name]
            times = sorted({point.time_ns for point in points})
            # The first may have been collected before we asked.
            return [p for p in points if p.time_ns == times[-1]] if len(times) > 1 else []

        return self.receiver.wait_for(latest)


@pytest.fixture(scope="module", params=SERVERS)
def target(request: pytest.FixtureRequest, host: Host) -> Iterator[Target]:
    with (
        OTLPReceiver() as receiver,
        SERVERS[request.param](env=host.variables(receiver)) as server,
    ):
        yield Target(server, receiver, host.site.encode())


@pytest.mark.parametrize("name", REQUESTS)
def test_whatever_is_sent_is_answered(target: Target, name: str) -> None:
    """With any status at all, on both sides, and without a failure of telemetry's own."""
    assert target.fire(REQUESTS[name]) is not None
    assert target.is_well()


# Parts of a request target and of a Host header, which are put together at random.
TARGET_PARTS = [
    *(b"/", b"//", b"\\", b"evil.example", b".evil.example", b"@", b":80", b":0", b":65536", b":"),
    *(b"%2f", b"%5c", b"%00", b"%0d%0a", b"%09", b";", b"?", b"#", b"..", b".", b"http://", b"~2F"),
    *(b"meetings", b"meetings/", b"minutes", b"admin", b"login", b"-/logout", b"sites/", b"%252f"),
    *(b"\xff", b"%e2%80%a8", b"*", b"%40", b"xn--", b"%2e%2e", b".json", b"[::1]", b"-/", b"a"),
    *(b"?_next=//evil.example", b"?next=//evil.example", b"?_sort=//evil.example", b"javascript:"),
]
AROUND_HOST = [
    *(
        (b"", b""),
        (b"", b""),
        (b"", b":6666"),
        (b"", b":00080"),
        (b"", b"."),
        (b"", b".."),
        (b"", b"_"),
    ),
    *((b"evil.example/", b""), (b"evil.example\\", b""), (b"a@", b""), (b"", b"@evil.example")),
    *(
        (b"", b":6666:6666"),
        (b"[", b""),
        (b"http://", b""),
        (b"xn--a.", b""),
        (b"evil.example,", b""),
    ),
    *(
        (b"", b" "),
        (b"\t", b""),
        (b"", b"%2f"),
        (b"", b"\xc3\xbc"),
        (b"[::1%25evil.example].", b""),
    ),
]
FORWARDED = [
    b"X-Forwarded-Host: evil.example",
    b"Forwarded: host=evil.example",
    b"Host: evil.example",
]


def test_no_redirect_leads_to_another_host(target: Target) -> None:
    """Of the home page, and of a site whose Datasette makes redirects itself."""
    lots = random.Random(29)
    ours = rf"(?:http://(?:{target.site.decode()}\.)?localhost(?::{target.server.port})?)?/(?![/\\])[^\s\\]*"
    seen = []
    for _ in range(300):
        parts = lots.choices(TARGET_PARTS, k=lots.randint(1, 4))
        before, after = lots.choice(AROUND_HOST)
        name = lots.choice([b"localhost", target.site + b".localhost", b"nope.localhost"])
        headers = [lots.choice(FORWARDED)] if lots.random() < 0.2 else []
        data = request(
            b"/" * (lots.random() < 0.8) + b"".join(parts),
            *headers,
            method=lots.choice([b"GET", b"GET", b"HEAD", b"POST"]),
            host=before + name + after,
        )
        head = answer_to(target.server.port, data).partition(b"\r\n\r\n")[0].decode("latin-1")
        seen += re.findall(r"(?im)^(?:location|refresh|content-location): ?(.*?)\r?$", head)
    assert len(seen) > 30
    assert [each for each in seen if not re.fullmatch(ours, each)] == []
    assert not any("6666" in each for each in seen)
    assert target.is_well()


def test_forgeries_are_counted_and_never_named(target: Target) -> None:
    """Two hundred more hosts, paths and methods make not one series more."""

    def fire_all(number: int) -> int:
        forged = b"forged%d" % number
        sent = (
            request(b"/" + forged, b"User-Agent: " + forged, host=forged + b".localhost"),
            request(b"/%s/%s" % (forged, forged), host=target.site + b".localhost"),
            request(b"/sites/" + forged + b"/"),
            request(b"/" + forged, method=b"FORGED%d" % number),
            request(host=forged + b".example"),
        )
        return sum(send(target.server.port, data) is not None for data in sent)

    for data in REQUESTS.values():
        target.fire(data)
    assert fire_all(0) == 5
    before = target.points("http.server.request.duration")
    assert sum(fire_all(number) for number in range(1, 41)) == 200
    after = target.points("http.server.request.duration")
    assert _total(after) - _total(before) == 200
    # Nothing but the closed sets, and no combination that was not there before.
    assert {_series(point) for point in after} == {_series(point) for point in before}
    assert len(after) < 40
    everything = repr([(p.name, dict(p.attributes)) for p in target.receiver.metrics])
    assert "forged" not in everything.lower()
    assert target.is_well()


def test_who_leaves_is_not_counted_as_present(target: Target) -> None:
    """Clients that hang up in the middle of a page leave nothing open."""
    for _ in range(10):
        leave(target.server.port, request(b"/meetings/minutes", host=target.site + b".localhost"))
        leave(target.server.port, b"POST /health/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9")
    assert target.is_well()
    wait_until(lambda: not any(p.value for p in target.points("http.server.active_requests")))


def _series(point: ReceivedPoint) -> str:
    return json.dumps(dict(point.attributes), sort_keys=True)


def _total(points: list[ReceivedPoint]) -> int:
    return sum(point.count or 0 for point in points)
