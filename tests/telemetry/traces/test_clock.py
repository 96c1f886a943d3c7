"""Durations when the system clock is set back during a request."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.testing import OTLPReceiver
from telemetry.traces.spans import RecordedSpanProcessor
from telemetry.traces.tail import TailSampler, TailSpanProcessor
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.telemetry.traces.clock_host import STEP, WAIT

if TYPE_CHECKING:
    from telemetry.testing import ReceivedSpan

# Spans in which the clock is set back.
STEPPED = {"GET /view", "own", "GET /{database}/-/query", "db.query", "db.write.execute"}


@pytest.mark.parametrize("clock", ["module", pytest.param("library", marks=pytest.mark.deployment)])
def test_a_clock_that_is_set_back(tmp_path: Path, clock: str) -> None:
    """No span, metric or line has a duration that is negative, or longer than its request."""
    preloaded = {}
    if clock == "library":
        library = tmp_path / "clock.so"
        source = Path(__file__).with_name("clock_set_back.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        preloaded = {"LD_PRELOAD": str(library), "CLOCK_BEHIND": str(tmp_path / "behind")}
    with OTLPReceiver() as receiver:
        done = subprocess.run(
            [sys.executable, "-m", "tests.telemetry.traces.clock_host"],
            cwd=ROOT,
            env=clean_environment(
                OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
                LOG_FORMAT="json",
                TELEMETRY_FOLD_BELOW="0s",
                TELEMETRY_RAISE_FAILURES="1",
                **preloaded,
            ),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        [found] = [line for line in lines if "took" in line]
        took = found["took"]
        longest = max(took.values())
        # Django and Datasette are called once each, and the clock really goes back.
        assert found["steps"] == 3
        starts = {span.name: span.start_ns for span in receiver.spans}
        assert starts["GET /view"] - starts["GET /-/writing"] > STEP * 10**9

        spans = [span for span in receiver.spans if span.name != "given"]
        durations = [(span.name, _seconds(span)) for span in spans]
        assert all(0 <= seconds <= longest for _, seconds in durations), durations
        long = {name for name, seconds in durations if seconds >= WAIT}
        assert long >= STEPPED, durations
        [given] = [span for span in receiver.spans if span.name == "given"]
        assert (given.start_ns, given.end_ns) == (7_000_000_000, 9_000_000_000)
        [own] = [span for span in spans if span.name == "own"]
        [event] = own.events
        assert own.start_ns <= event.time_ns <= own.end_ns
        waits = [seconds for name, seconds in durations if name == "db.write.queue_wait"]
        assert len(waits) >= 2

        measured = [
            p for p in receiver.metrics if p.name.startswith(("http.", "db.", "corkboard."))
        ]
        measured = [point for point in measured if point.unit == "s" and point.count]
        assert "http.server.request.duration" in {point.name for point in measured}
        assert "db.client.operation.duration" in {point.name for point in measured}
        for point in measured:
            assert 0 <= (point.sum or 0) <= longest * (point.count or 0), point
        access = [line for line in lines if "duration_ms" in line]
        assert len(access) == 3
        for line, seconds in zip(access, [*took.values()][1:], strict=True):
            assert WAIT <= line["duration_ms"] / 1e3 <= seconds


def _seconds(span: ReceivedSpan) -> float:
    return (span.end_ns - span.start_ns) / 1e9


def test_slow_is_by_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set forward by a minute makes no trace slow."""
    exporter = InMemorySpanExporter()
    provider = sdk.TracerProvider(TailSampler(0), shutdown_on_exit=False)
    provider.add_span_processor(RecordedSpanProcessor())
    provider.add_span_processor(TailSpanProcessor(SimpleSpanProcessor(exporter), slow=30))
    tracer = provider.get_tracer("test")
    span, given = tracer.start_span("set forward"), tracer.start_span("given", start_time=1)
    real = sdk.time_ns  # type: ignore[attr-defined]
    monkeypatch.setattr(sdk, "time_ns", lambda: real() + 60 * 10**9)
    span.end()
    assert exporter.get_finished_spans() == ()
    # The start is the caller's, and the end is now.
    given.end()
    [kept] = exporter.get_finished_spans()
    assert kept.name == "given"
    assert abs((kept.end_time or 0) - real()) < 30 * 10**9
