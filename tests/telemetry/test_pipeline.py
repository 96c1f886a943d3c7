"""From settings to providers that send, and to what is in flight at the end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import Span

from telemetry.pipeline import Pipeline
from telemetry.settings import read_settings
from tests.support.processes import HOST, free_port, refusing_port
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
    pipeline = _build(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{HOST}:{refusing_port()}")
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


@pytest.mark.parametrize(
    ("variables", "length"),
    [
        ({}, 4096 + len("[…]")),
        ({"TELEMETRY_TEXT_LENGTH_LIMIT": "9000"}, 9000 + len("[…]")),
        ({"TELEMETRY_TEXT_LENGTH_LIMIT": "32768"}, 32_768),
        ({"TELEMETRY_REDACT": "none"}, 32_768),
        ({LENGTH: "99"}, 99),
    ],
)
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
    """It waits as long as it was told to and says what it lost; the SDK's wait is half a minute."""
    code = (
        "import time\n"
        + ONE_SPAN
        + """
began = time.monotonic()
print(telemetry.flush(), telemetry.flush(0.1), time.monotonic() - began)
"""
    )
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{refusing_port()}",
        "TELEMETRY_SHUTDOWN_TIMEOUT": "500ms",
    }
    done = run_python(tmp_path, code, **env)
    first, second, seconds = done.stdout.split()
    assert (first, second) == ("2", "2"), "the span, and the record that it was started"
    assert 0.4 < float(seconds) < 10
    said = "2 spans and log records undelivered after waiting 0.5 s"
    lines = [line for line in done.stderr.splitlines() if "undelivered" in line]
    assert lines == [f"telemetry.flush() left {said}", f"telemetry stopped with {said}"]


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


RESTARTED = "receiver.answer(200); receiver.close(); receiver.start()"
# What is wrong with the backend, and what ends it.
TROUBLES = {
    "slow": ("receiver.answer(200, delay=60)", RESTARTED),
    "refuses": ("receiver.answer(503)", "receiver.answer(200)"),
    "is away": ("receiver.close()", "receiver.start()"),
}


def with_a_receiver() -> str:
    """Give the beginning of a program whose backend can be away for a while."""
    return f"""
import asyncio, os, threading, telemetry
from concurrent.futures import ThreadPoolExecutor
from opentelemetry import trace
from telemetry.testing import OTLPReceiver
receiver = OTLPReceiver({free_port()}).start()
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.url
telemetry.configure(default_service_name="script")
def work(name):
    trace.get_tracer("mine").start_span(name).end()
"""


@pytest.mark.parametrize(("begins", "ends"), TROUBLES.values(), ids=TROUBLES)
def test_a_flush_that_gave_up_does_not_end_flushing(tmp_path: Path, begins: str, ends: str) -> None:
    """The backend may be there again for the next one, which sends what came since, too."""
    code = f"""
{begins}
work("one")
print(telemetry.flush(0.1))
work("two")
{ends}
print(telemetry.flush(30), sorted({{span.name for span in receiver.spans}}))
"""
    done = run_python(tmp_path, with_a_receiver() + code)
    assert done.stdout.splitlines() == ["2", "0 ['one', 'two']"], done.stderr
    assert "telemetry stopped" not in done.stderr


@pytest.mark.parametrize("timeout", ["float('inf')", "1e300", "10**400", "Decimal(60)"])
def test_a_flush_may_be_given_any_time(tmp_path: Path, timeout: str) -> None:
    """It ends when everything is sent, though Python can't wait so long."""
    code = f"""
from decimal import Decimal
work("one")
print(telemetry.flush({timeout}), [span.name for span in receiver.spans])
"""
    done = run_python(tmp_path, with_a_receiver() + code)
    assert done.stdout.splitlines() == ["0 ['one']"], done.stderr


@pytest.mark.parametrize("timeout", ["float('nan')", "-1", "-10**400", "0"])
def test_a_flush_without_time_does_not_wait(tmp_path: Path, timeout: str) -> None:
    code = f"""
receiver.answer(503)
work("one")
print(telemetry.flush({timeout}) > 0)
os._exit(0)
"""
    done = run_python(tmp_path, with_a_receiver() + code)
    assert done.stdout.splitlines() == ["True"], done.stderr


def test_flushes_share_a_thread(tmp_path: Path) -> None:
    """A program that flushes in a loop leaves no thread behind for each that gave up."""
    code = f"""
receiver.answer(200, delay=60)
for number in range(20):
    work(str(number))
    telemetry.flush(0.01)
    telemetry.flush(0.01)
names = [thread.name for thread in threading.enumerate()]
print(names.count("telemetry-flush") <= 1, names.count("telemetry-sender"))
{RESTARTED}
print(telemetry.flush(30), len({{span.name for span in receiver.spans}}))
"""
    done = run_python(tmp_path, with_a_receiver() + code)
    # One that sends all three signals, and at most the one that collects metrics for a flush.
    assert done.stdout.splitlines() == ["True 1", "0 20"], done.stderr
    lines = [line for line in done.stderr.splitlines() if "undelivered after waiting" in line]
    assert len(lines) == 20, "one for each number, which the second flush does not change"


def test_flushes_at_once(tmp_path: Path) -> None:
    """From several threads and from an event loop: one's short time is no other's."""
    code = f"""
receiver.answer(200, delay=60)
work("one")
with ThreadPoolExecutor() as pool:
    asked = [pool.submit(telemetry.flush, seconds) for seconds in (0.01, 30, 0.01, 30)]
    print(asked[0].result())
    {RESTARTED}
    print(asked[1].result(), asked[3].result())

async def main():
    receiver.answer(200, delay=60)
    work("two")
    print(telemetry.flush(0.01))
    work("three")
    {RESTARTED}
    print(*await asyncio.gather(*[asyncio.to_thread(telemetry.flush, 30) for _ in range(2)]))

asyncio.run(main())
print(*sorted({{span.name for span in receiver.spans}}))
"""
    done = run_python(tmp_path, with_a_receiver() + code)
    assert done.stdout.splitlines() == ["2", "0 0", "1", "0 0", "one three two"], done.stderr


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
    backend = f"http://{HOST}:{refusing_port()}"
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
