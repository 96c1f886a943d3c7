"""One host, whose backend answers in every way that a backend should not."""

from __future__ import annotations

import os
import ssl
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from telemetry.export.decoding import MESSAGES
from tests.chaos.promises import BEGIN, END, ask
from tests.support.odd_server import Odd, OddServer, Request, answer
from tests.support.processes import HOST
from tests.support.servers import serve_uvicorn
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.chaos.promises import Promise
    from tests.support.servers import Server

pytestmark = pytest.mark.chaos

REQUESTS = 20
# Megabytes. The queue may have 1; the rest is what an interpreter's memory is seen to vary by.
GROWTH = 30
PROTOBUF = "application/x-protobuf"
STATUSES = (400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504)
ANSWERS = {
    **{str(status): answer(status) for status in STATUSES},
    "no protobuf": answer(body=b"\xff" * 50, Content_Type=PROTOBUF),
    "a web page": answer(body=b"<html>Welcome</html>", Content_Type="text/html"),
    "a redirect": answer(302, Location=f"http://{HOST}/elsewhere"),
    "no HTTP": Odd((b"SSH-2.0-OpenSSH_9.2\r\n",), closes=True),
    "closed": Odd((), closes=True),
    "cut short": Odd((b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",), closes=True),
    "a byte a second": Odd(
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", *(b"{" for _ in range(9999))),
        pause=1.0,
    ),
}
VARIABLES = {"OTEL_EXPORTER_OTLP_TIMEOUT": "5", "TELEMETRY_QUEUE_BYTES": "1000000"}


def give(odd: Odd, _: Request) -> Odd:
    """Answer any request with it."""
    return odd


def received(requests: list[Request]) -> list[str]:
    """Return the trace of each SERVER span of the requests."""
    return [
        span.trace_id.hex()
        for request in requests
        for resource in MESSAGES["traces"].FromString(request.body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.kind == span.SPAN_KIND_SERVER
    ]


def megabytes(server: Server) -> float:
    """Return the resident memory of the server's process."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def held(server: Server) -> int:
    """Return the number of the process's threads and open files."""
    return sum(len(os.listdir(f"/proc/{server.pid}/{kind}")) for kind in ("task", "fd"))


def test_pages_are_served_whatever_the_backend_answers(promise: Promise) -> None:
    """Each answer begins one outage and the next good one ends it; memory, threads, files stay."""
    with (
        OddServer(port=promise.port) as backend,
        serve_uvicorn(env=promise.variables(VARIABLES, spool=False)) as server,
    ):
        ask(server, 2 * REQUESTS)
        first, least = megabytes(server), held(server)
        for number, (name, odd) in enumerate(ANSWERS.items(), 1):
            backend.reply = partial(give, odd)
            ask(server, REQUESTS)
            wait_until(lambda: server.output().count(BEGIN) >= number)  # noqa: B023 - waited for
            backend.reply = lambda _: answer()
            # For the answers that drop what was sent.
            [trace] = ask(server, 1)
            wait_until(lambda: server.output().count(END) >= number)  # noqa: B023 - waited for
            wait_until(lambda: trace in received(backend.requests))  # noqa: B023 - waited for
            counts = server.output().count(BEGIN), server.output().count(END)
            assert counts == (number, number), name
        grown, more = megabytes(server) - first, held(server) - least
        server.stop()
    print(f"{grown:.1f} MB, and {more} threads and files more")
    assert grown < GROWTH
    # Fewer than one for each answer.
    assert more < len(ANSWERS) / 2
    assert "Traceback" not in server.output()


def test_broken_tls_is_an_outage(promise: Promise, tmp_path: Path) -> None:
    """No TLS, then a certificate of an unknown authority, then a good one: nothing is lost."""
    trusted, other = trustme.CA(), trustme.CA()
    trusted.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.issue_cert(HOST).configure_cert(context)
    variables = promise.variables(
        spool=False,
        OTEL_EXPORTER_OTLP_ENDPOINT=promise.url.replace("http:", "https:"),
        OTEL_EXPORTER_OTLP_CERTIFICATE=str(tmp_path / "ca.pem"),
    )
    with OddServer(port=promise.port) as backend, serve_uvicorn(env=variables) as server:
        sent = ask(server, REQUESTS)
        wait_until(lambda: server.output().count(BEGIN) == 1)
        backend.use_tls(context)
        sent += ask(server, REQUESTS)
        assert backend.requests == []
        trusted.issue_cert(HOST).configure_cert(context)
        sent += ask(server, REQUESTS)
        wait_until(lambda: server.output().count(END) == 1)
        server.stop()
    assert sorted(received(backend.requests)) == sorted(sent)
    assert server.output().count(BEGIN) == 1
    assert "Traceback" not in server.output()
