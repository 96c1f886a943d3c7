"""What is in flight when a server stops arrives, whoever stops it and how."""

from __future__ import annotations

from functools import partial
from signal import SIGINT, SIGQUIT, SIGTERM, Signals
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.hosts import Host, last_points, starts, visitor
from tests.support.servers import Server, serve_gunicorn, serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from telemetry.testing import OTLPReceiver

    Serve = Callable[..., AbstractContextManager[Server]]

# So long that what arrives was sent because the server stopped.
NEVER = {
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_BLRP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
}
REQUESTS = 6

uvicorn_worker = partial(serve_gunicorn, workers=2)
asgi_worker = partial(serve_gunicorn, worker_class="asgi", workers=2)


def counted(receiver: OTLPReceiver) -> int:
    """How many requests the received metrics tell of."""
    points = last_points(receiver, "http.server.request.duration")
    return sum(point.count or 0 for point in points)


def servers(receiver: OTLPReceiver) -> int:
    """How many requests the received spans tell of."""
    return sum(span.kind == "SERVER" for span in receiver.spans)


def visit(server: Server, host: Host, number: int = REQUESTS) -> None:
    """Ask both sides for pages, one after the other."""
    with visitor(server) as browser:
        for count in range(number):
            if count % 2:
                answer = browser.get(f"/meetings/minutes/{host.row}.json", f"{host.site}.localhost")
            else:
                answer = browser.get("/health/")
            assert answer.status_code == 200


@pytest.mark.parametrize(
    ("serve", "processes", "number"),
    [
        pytest.param(serve_uvicorn, 1, SIGTERM, id="uvicorn-TERM"),
        pytest.param(serve_uvicorn, 1, SIGINT, id="uvicorn-INT"),
        pytest.param(uvicorn_worker, 2, SIGTERM, id="UvicornWorker-TERM"),
        pytest.param(
            partial(uvicorn_worker, preload=True), 3, SIGTERM, id="UvicornWorker-preload-TERM"
        ),
        pytest.param(asgi_worker, 2, SIGTERM, id="asgi-TERM"),
        # No lifespan on these two: the interpreter's exit is what is left.
        pytest.param(partial(asgi_worker, workers=1), 1, SIGINT, id="asgi-INT"),
        pytest.param(partial(asgi_worker, workers=1), 1, SIGQUIT, id="asgi-QUIT"),
        pytest.param(partial(asgi_worker, preload=True), 3, SIGTERM, id="asgi-preload-TERM"),
    ],
)
def test_a_signal_sends_what_is_left(
    host: Host, receiver: OTLPReceiver, serve: Serve, processes: int, number: Signals
) -> None:
    """All spans, all metrics, all records, of every worker; and nothing before.

    With ``--preload`` there are the master's records, too.
    """
    with serve(env=host.variables(receiver, **NEVER)) as server:
        visit(server, host)
        assert receiver.requests == []
        server.stop(number)
    assert (servers(receiver), counted(receiver)) == (REQUESTS, REQUESTS), receiver.summary()
    instances = {record.resource["service.instance.id"] for record in receiver.logs}
    assert len(instances) == len(starts(receiver)) == processes
    assert {span.resource["service.instance.id"] for span in receiver.spans} <= instances
    assert "undelivered" not in server.output()
    assert "Traceback" not in server.output()


@pytest.mark.parametrize("worker_class", ["uvicorn_worker.UvicornWorker", "asgi"])
def test_a_worker_that_is_replaced_sends_first(
    host: Host, receiver: OTLPReceiver, worker_class: str
) -> None:
    """Its spans arrive while its successor serves, which says that it started, too."""
    with serve_gunicorn(
        env=host.variables(receiver, **NEVER),
        workers=1,
        worker_class=worker_class,
        max_requests=2,
    ) as server:
        visit(server, host, 2)
        receiver.wait_for(lambda r: servers(r) >= 2 and counted(r) >= 2)
        server.wait_for_workers(2)
        visit(server, host, 1)
        server.stop()
    assert (servers(receiver), counted(receiver)) == (3, 3), receiver.summary()
    instances = {span.resource["service.instance.id"] for span in receiver.spans}
    assert len(instances) == len(starts(receiver)) == 2
