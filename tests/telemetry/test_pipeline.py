"""From settings to providers that send, and to what is in flight at the end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import Span

from telemetry.pipeline import Pipeline
from telemetry.settings import read_settings
from tests.support.processes import HOST, free_port
from tests.telemetry.scripts import printed, run_python

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import OTLPReceiver

SECRET = "planted-secret"
LENGTH = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"
ONE_SPAN = """
import telemetry
telemetry.configure(default_service_name="script")
from opentelemetry import trace
with trace.get_tracer("mine").start_as_current_span("work"):
    pass
"""


def _build(**environ: str) -> Pipeline:
    return Pipeline(read_settings(environ, default_service_name="host"))


def test_building_is_pure() -> None:
    """No global provider, no thread, no connection: those are for the process that serves."""
    before = (trace.get_tracer_provider(), metrics.get_meter_provider(), threading.active_count())
    pipeline = _build(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{HOST}:{free_port()}")
    after = (trace.get_tracer_provider(), metrics.get_meter_provider(), threading.active_count())
    assert before == after
    assert pipeline.flush() == 0, "nothing was started, so nothing is in flight"


def test_destinations_are_described_without_secrets() -> None:
    """For the start-up record and for people."""
    pipeline = _build(
        OTEL_TRACES_EXPORTER="otlp,logfire",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="console",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://user:{SECRET}@collector.example:4318",
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization={SECRET}",
        LOGFIRE_TOKEN=f"pylf_v1_eu_{SECRET}",
    )
    collector = "http://collector.example:4318"
    assert pipeline.describe() == [
        f"traces -> otlp ({collector}/v1/traces), logfire (https://logfire-eu.pydantic.dev)",
        "metrics -> nowhere",
        "logs -> console",
    ]


def test_without_a_destination_for_traces_ids_still_correlate() -> None:
    """Logs and errors name a trace; no span is recorded for it."""
    pipeline = _build(OTEL_TRACES_EXPORTER="none", OTEL_LOGS_EXPORTER="console")
    span = pipeline.tracer_provider.get_tracer("mine").start_span("x")
    assert span.get_span_context().is_valid
    assert not span.is_recording()
    kept = _build(OTEL_TRACES_EXPORTER="console").tracer_provider.get_tracer("mine")
    assert isinstance(kept.start_span("x"), Span)


def test_without_a_destination_for_metrics_nothing_is_counted(tmp_path: Path) -> None:
    """Datasette counts each query: with the SDK's provider that costs, whoever reads it."""
    code = """
        import telemetry
        telemetry.configure()
        from opentelemetry import metrics, trace
        with trace.get_tracer("mine").start_as_current_span("work"):
            pass
        print(type(metrics.get_meter_provider()).__module__)
    """
    for exporter, provider in (
        ("none", "opentelemetry.metrics._internal"),
        ("console", "telemetry.metrics.provider"),
    ):
        env = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": exporter}
        assert provider in printed(tmp_path, code, **env, TELEMETRY_CONSOLE="off").splitlines()


def test_a_script_sends_what_it_did(tmp_path: Path, receiver: OTLPReceiver) -> None:
    """No server starts it and nothing flushes it: the first span and the exit do."""
    printed(tmp_path, ONE_SPAN, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert [span.name for span in receiver.spans] == ["work"]
    [started] = receiver.logs
    assert started.event_name == "corkboard.telemetry.started"
    assert started.attributes["corkboard.destinations"] == [
        f"{signal} -> otlp ({receiver.url}/v1/{signal})" for signal in ("traces", "metrics", "logs")
    ]
    assert {span.resource["service.name"] for span in receiver.spans} == {"script"}


@pytest.mark.parametrize(("variables", "length"), [({}, 32_768), ({LENGTH: "99"}, 99)])
@pytest.mark.parametrize("sampler", ["always_on", "tail"])
def test_what_is_enormous_is_cut_and_not_lost(
    tmp_path: Path, receiver: OTLPReceiver, variables: dict[str, str], length: int, sampler: str
) -> None:
    """Ten thousand attributes, and ten megabytes in one of them."""
    code = """
        import telemetry
        telemetry.configure(default_service_name="script")
        from opentelemetry import trace
        with trace.get_tracer("mine").start_as_current_span("work") as span:
            span.set_attributes({f"attribute.{n}": n for n in range(10_000)})
            span.set_attribute("text", "x" * 10_000_000)
            span.set_status(trace.StatusCode.ERROR)
    """
    sampled = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0"}
    printed(tmp_path, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **sampled, **variables)
    [span] = receiver.spans
    assert len(span.attributes) == 128
    assert len(str(span.attributes["text"])) == length


def test_a_script_without_a_backend_ends_in_time(tmp_path: Path) -> None:
    """It says what it lost, once, and waits no second time; the SDK's own wait is half a minute."""
    code = (
        "import time\n"
        + ONE_SPAN
        + """
began = time.monotonic()
print(telemetry.flush(), telemetry.flush(), time.monotonic() - began)
"""
    )
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{free_port()}",
        "TELEMETRY_SHUTDOWN_TIMEOUT": "500ms",
    }
    done = run_python(tmp_path, code, **env)
    first, second, seconds = done.stdout.split()
    assert (first, second) == ("2", "2"), "the span, and the record that it was started"
    assert 0.4 < float(seconds) < 10
    assert done.stderr.count("2 spans and log records undelivered after waiting 0.5 s") == 1


def test_a_flush_can_be_repeated(tmp_path: Path, receiver: OTLPReceiver) -> None:
    """Each sends what came since."""
    code = (
        ONE_SPAN
        + """
print(telemetry.flush())
trace.get_tracer("mine").start_span("later").end()
print(telemetry.flush())
"""
    )
    output = printed(tmp_path, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert output.split() == ["0", "0"]
    assert [span.name for span in receiver.spans] == ["work", "later"]


def test_a_fork_does_not_answer_for_its_parents_spans(tmp_path: Path) -> None:
    """The parent's queue stays the parent's: the child has lost nothing of it."""
    code = """
import os, telemetry
telemetry.configure(default_service_name="script")
from opentelemetry import trace
trace.get_tracer("mine").start_span("the parent's").end()
if os.fork() == 0:
    trace.get_tracer("mine").start_span("the child's").end()
    print(telemetry.flush(), flush=True)
    os._exit(0)
os.wait()
"""
    backend = f"http://{HOST}:{free_port()}"
    done = run_python(
        tmp_path,
        code,
        OTEL_TRACES_EXPORTER="otlp",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_EXPORTER_OTLP_ENDPOINT=backend,
        TELEMETRY_SHUTDOWN_TIMEOUT="200ms",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1"], "its own span, which nobody took"


def test_what_was_configured_before_a_fork_works_after_it(
    tmp_path: Path, receiver: OTLPReceiver
) -> None:
    """`gunicorn --preload` does that; each process has an id of its own."""
    code = """
import os, telemetry
telemetry.configure(default_service_name="script")
from opentelemetry import trace
for name in ("first", "second"):
    if os.fork() == 0:
        trace.get_tracer("mine").start_span(name).end()
        telemetry.flush()
        os._exit(0)
    os.wait()
"""
    printed(tmp_path, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert [span.name for span in receiver.spans] == ["first", "second"]
    assert len({span.resource["service.instance.id"] for span in receiver.spans}) == 2
    for span in receiver.spans:
        same = [
            log
            for log in receiver.logs
            if log.resource["service.instance.id"] == span.resource["service.instance.id"]
        ]
        assert len(same) == 1, "its own start-up record"
