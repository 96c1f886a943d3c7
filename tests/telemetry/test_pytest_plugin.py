"""The pytest plugin, in projects that use it and in one that doesn't."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support.environment import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

HOST = """
import telemetry
telemetry.configure(default_service_name="host")

async def app(scope, receive, send):
    telemetry.set_site("alameda.ca")
    if scope["path"] == "/broken":
        raise ValueError("planted")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})

application = telemetry.asgi_wrapper(app)

async def get(path="/"):
    import httpx
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path)
"""
INI = "[pytest]\ntelemetry_capture = true\nfilterwarnings = error\n"


def _pytest(
    folder: Path, test: str, ini: str = INI, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    (folder / "host.py").write_text(HOST)
    (folder / "test_it.py").write_text(test)
    (folder / "pytest.ini").write_text(ini)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *("-p", "no:logfire"), *arguments],
        cwd=folder,
        env=clean_environment(PYTHONPATH=str(folder), **variables),
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_each_test_sees_what_it_caused(tmp_path: Path) -> None:
    """In every worker; nothing goes to where the developer's shell points."""
    test = """
import asyncio, os
import pytest
from host import get

@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_spans_and_counts(telemetry_capture, times):
    for _ in range(times):
        asyncio.run(get())
    assert len(telemetry_capture.spans) == times
    [point] = telemetry_capture.points("corkboard.site.request.duration")
    assert point.count == times
    assert "LOGFIRE_TOKEN" not in os.environ

def test_errors(telemetry_capture):
    asyncio.run(get("/broken"))
    [event] = telemetry_capture.events
    assert event.exceptions == (("ValueError", "planted"),)
    assert event.trace_id == telemetry_capture.span("GET").trace_id

def test_one_of_a_name(telemetry_capture):
    with pytest.raises(AssertionError, match="wanted one span named 'GET', and there are 0"):
        telemetry_capture.span("GET")
    asyncio.run(get())
    asyncio.run(get())
    with pytest.raises(AssertionError, match="there are 2; this arrived"):
        telemetry_capture.span("GET")
"""
    with OTLPReceiver() as receiver, EventReceiver() as errors:
        done = _pytest(
            tmp_path,
            test,
            INI,
            *("-n", "2"),
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            LOGFIRE_TOKEN="pylf_v1_us_x",
            LOGFIRE_BASE_URL=receiver.url,
            SENTRY_DSN=errors.dsn,
            DEBUG="1",
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    assert receiver.requests == []
    assert errors.requests == []
    assert "undelivered" not in done.stderr


def test_receivers_for_a_server(tmp_path: Path) -> None:
    """Without capturing."""
    test = """
def test_both(otlp_receiver, event_receiver):
    assert otlp_receiver.url.startswith("http://127.0.0.1:")
    assert "@127.0.0.1:" in event_receiver.dsn
"""
    done = _pytest(tmp_path, test, "[pytest]\nfilterwarnings = error\n")
    assert done.returncode == 0, done.stdout


def test_a_capture_that_is_not_turned_on_says_how(tmp_path: Path) -> None:
    """Rather than find nothing."""
    done = _pytest(tmp_path, "def test_it(telemetry_capture): pass", "[pytest]\n")
    assert done.returncode == 1
    assert "set `telemetry_capture = true` in pytest's configuration" in done.stdout


def test_who_does_not_use_it_does_not_load_it(tmp_path: Path) -> None:
    """Installed beside pytest, it costs the import of a few names."""
    test = """
import sys

def test_nothing_is_loaded():
    heavy = ("opentelemetry.sdk", "opentelemetry.proto", "google", "sentry_sdk", "django",
             "telemetry.testing", "telemetry.pipeline")
    assert [name for name in sys.modules if name.startswith(heavy)] == []
"""
    done = _pytest(tmp_path, test, "[pytest]\nfilterwarnings = error\n", *("-p", "no:django"))
    assert done.returncode == 0, done.stdout
