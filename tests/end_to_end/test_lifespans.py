"""Hosts whose lifespan fails, and servers that run none."""

from __future__ import annotations

import sys
from signal import SIGINT, SIGTERM, Signals
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.end_to_end.hosts import last_points
from tests.support.environment import clean_environment
from tests.support.processes import HOST, accepts_connections, free_port, program, refusing_port
from tests.support.servers import serve_gunicorn, serve_uvicorn
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import OTLPReceiver
    from tests.support.servers import Server

APP = "tests.end_to_end.lifespan_host:"


def _lived(app: str, lifespan: str, env: dict[str, str]) -> tuple[int, bool, bool]:
    """The exit code, whether it served, and whether it printed the application's error."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", APP + app, "--host", HOST, "--port", str(port)]
    with program([*command, "--lifespan", lifespan], env=env, is_server=True) as running:
        running.wait_until(lambda: running.exit_code is not None or accepts_connections(port))
        served = running.exit_code is None
        if served:
            assert httpx.get(f"http://{HOST}:{port}/").text == "page"
        code = running.stop()
        return code, served, "RuntimeError: no database" in running.output()


@pytest.mark.parametrize("lifespan", ["auto", "on"])
@pytest.mark.parametrize("mode", ["raises", "failed", "raises later", "supported"])
def test_a_lifespan_fails_as_without_the_edge(
    receiver: OTLPReceiver, mode: str, lifespan: str
) -> None:
    """The server serves or ends as it does for the application alone."""
    env = clean_environment(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, LIFESPAN=mode)
    wrapped = _lived("application", lifespan, env)
    assert wrapped == _lived("bare", lifespan, env)
    ends = mode == "failed" or (mode.startswith("raises") and lifespan == "on")
    assert wrapped[:2] == ((3, False) if ends else (-SIGTERM, True))


# So long that what arrives was sent because the server stopped.
NEVER = {
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_BLRP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
    "TELEMETRY_SHUTDOWN_TIMEOUT": "20s",
}
OFF = ["--lifespan", "off"]


def _environ(receiver: OTLPReceiver, **more: str) -> dict[str, str]:
    return clean_environment(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **NEVER, **more)


def _assert_complete(receiver: OTLPReceiver, number: int) -> None:
    assert [span.name for span in receiver.spans] == ["GET"] * number, receiver.summary()
    points = last_points(receiver, "http.server.request.duration")
    assert sum(point.count or 0 for point in points) == number


def _assert_ended_by(server: Server, number: Signals) -> None:
    # uvicorn's main process returns after its workers have been ended.
    assert server.stop(number) in {-number, 0, 130}
    assert "Traceback" not in server.output()
    assert "undelivered" not in server.output()


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("mode", "args"),
    [
        pytest.param("unsupported", OFF, id="off"),
        pytest.param("raises", [], id="raises"),
        pytest.param("raises later", [], id="raises later"),
    ],
)
def test_uvicorn_without_a_lifespan_sends_what_is_left(
    receiver: OTLPReceiver, mode: str, args: list[str], workers: int, number: Signals
) -> None:
    """Nothing tells the application that the server stops, and SIGTERM ends it by default."""
    env = _environ(receiver, LIFESPAN=mode)
    if workers > 1:
        args = [*args, "--workers", str(workers), "--timeout-worker-healthcheck", f"{PATIENCE:g}"]
    with serve_uvicorn(APP + "application", env=env, args=args) as server:
        for _ in range(3):
            assert httpx.get(f"{server.url}/").text == "page"
        assert receiver.spans == []
        _assert_ended_by(server, number)
    _assert_complete(receiver, 3)


def test_requests_that_end_while_the_server_stops_are_sent(receiver: OTLPReceiver) -> None:
    with serve_uvicorn(APP + "application", env=_environ(receiver), args=OFF) as server:
        assert httpx.get(f"{server.url}/").text == "page"
        with httpx.stream("GET", f"{server.url}/slow?1.5", timeout=60) as response:
            server.signal(SIGTERM)
            # Of the request before, while this one is served.
            receiver.wait_for(lambda r: r.spans)
            assert response.read() == b"page"
        assert server.stop() == -SIGTERM
    _assert_complete(receiver, 2)


def test_a_graceful_stop_that_is_cut_short_loses_only_what_it_cuts(
    receiver: OTLPReceiver,
) -> None:
    args = [*OFF, "--timeout-graceful-shutdown", "2"]
    with serve_uvicorn(APP + "application", env=_environ(receiver), args=args) as server:
        assert httpx.get(f"{server.url}/").text == "page"
        with httpx.stream("GET", f"{server.url}/slow?600", timeout=60):
            assert server.stop() == -SIGTERM
    _assert_complete(receiver, 1)


def test_what_a_dead_backend_does_not_take_is_in_the_spool(tmp_path: Path) -> None:
    env = clean_environment(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{HOST}:{refusing_port()}",
        TELEMETRY_SPOOL_DIR=str(tmp_path),
        **NEVER,
    )
    with serve_uvicorn(APP + "application", env=env, args=OFF) as server:
        assert httpx.get(f"{server.url}/").text == "page"
        assert server.stop() == -SIGTERM
    assert [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_dead_backend_delays_the_stop_for_its_timeout() -> None:
    env = clean_environment(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{HOST}:{refusing_port()}",
        TELEMETRY_SHUTDOWN_TIMEOUT="500ms",
    )
    with serve_uvicorn(APP + "application", env=env, args=OFF) as server:
        assert httpx.get(f"{server.url}/").text == "page"
        assert server.stop(timeout=20) == -SIGTERM
        assert "undelivered after waiting 0.5 s" in server.output()


def test_gunicorns_worker_without_a_lifespan_sends_what_is_left(receiver: OTLPReceiver) -> None:
    args = ["--asgi-lifespan", "off"]
    app = APP + "application"
    with serve_gunicorn(
        app, env=_environ(receiver), args=args, worker_class="asgi", workers=1
    ) as server:
        assert httpx.get(f"{server.url}/").text == "page"
        _assert_ended_by(server, SIGTERM)
    _assert_complete(receiver, 1)
