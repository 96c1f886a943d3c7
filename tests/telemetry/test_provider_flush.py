"""ForceFlush and Shutdown of OpenTelemetry's providers, as job runners call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.processes import HOST, refusing_port
from tests.telemetry.scripts import printed, run_python

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import OTLPReceiver

# The process ends at once after each program: no exit handler sends what is left.
BEGIN = """
import atexit, os, signal, sys, threading, time
import telemetry
telemetry.configure(default_service_name="job")
from opentelemetry import _logs, metrics, trace
from opentelemetry._logs import LogRecord

def work(name="work"):
    with trace.get_tracer("mine").start_as_current_span(name):
        metrics.get_meter("mine").create_counter("work.done").add(1)
        _logs.get_logger("mine").emit(LogRecord(body=name))

work()
"""
PROVIDERS = {
    "traces": "trace.get_tracer_provider()",
    "metrics": "metrics.get_meter_provider()",
    "logs": "_logs.get_logger_provider()",
}
# Where a host calls it.
PLACES = {
    "the program": "print(FLUSH, flush=True); os._exit(0)",
    "a thread": """
thread = threading.Thread(target=lambda: print(FLUSH, flush=True))
thread.start()
thread.join()
os._exit(0)
""",
    "an exit handler": """
atexit.register(os._exit, 0)
atexit.register(lambda: print(FLUSH, flush=True))
""",
    "a signal handler": """
def ends(*_):
    print(FLUSH, flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, ends)
signal.raise_signal(signal.SIGTERM)
""",
    "a forked child": """
telemetry.flush()
if os.fork() == 0:
    work("in the child")
    print(FLUSH, flush=True)
    os._exit(0)
os.wait()
os._exit(0)
""",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("call", ["force_flush(20_000)", "force_flush()", "shutdown()"])
@pytest.mark.parametrize("signal", PROVIDERS)
def test_a_provider_sends_what_waits(
    tmp_path: Path, receiver: OTLPReceiver, signal: str, call: str, place: str
) -> None:
    code = BEGIN + place.replace("FLUSH", f"{PROVIDERS[signal]}.{call}")
    output = printed(tmp_path, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert output == ("None" if call == "shutdown()" else "True")
    name = "in the child" if "fork" in place else "work"
    found: dict[str, list[object]] = {
        "traces": [span.name for span in receiver.spans],
        "metrics": [each.name for each in receiver.metrics],
        "logs": [log.body for log in receiver.logs],
    }
    assert ("work.done" if signal == "metrics" else name) in found[signal]


@pytest.mark.parametrize("signal", PROVIDERS)
def test_a_provider_whose_backend_is_away_says_so_in_time(tmp_path: Path, signal: str) -> None:
    code = f"""
{BEGIN}
began = time.monotonic()
print({PROVIDERS[signal]}.force_flush(300), time.monotonic() - began, flush=True)
began = time.monotonic()
{PROVIDERS[signal]}.shutdown()
print(time.monotonic() - began, flush=True)
os._exit(0)
"""
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{refusing_port()}",
        "TELEMETRY_SHUTDOWN_TIMEOUT": "300ms",
    }
    flushed, first, second = printed(tmp_path, code, **env).split()
    assert flushed == "False"
    assert float(first) < 10
    assert float(second) < 10


def test_what_a_backend_rejects_is_not_flushed(tmp_path: Path, receiver: OTLPReceiver) -> None:
    receiver.answer(400)
    code = BEGIN + "print(trace.get_tracer_provider().force_flush(), flush=True); os._exit(0)"
    assert printed(tmp_path, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) == "False"


def test_what_is_in_the_spool_is_flushed(tmp_path: Path) -> None:
    """Any process may send it."""
    code = BEGIN + "print(trace.get_tracer_provider().force_flush(20_000)); os._exit(0)"
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{refusing_port()}",
        "OTEL_METRICS_EXPORTER": "none",
        "TELEMETRY_SPOOL_DIR": str(tmp_path / "spool"),
    }
    code = code.replace("20_000)", "20_000), flush=True")
    assert printed(tmp_path, code, **env) == "True"


def test_a_host_s_processors_and_readers_are_flushed(
    tmp_path: Path, receiver: OTLPReceiver
) -> None:
    """Those that it adds to the providers. One that fails does not keep the others."""
    code = f"""
{BEGIN}
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor

class Processor(SpanProcessor, LogRecordProcessor):
    def __init__(self, result):
        self.result = result
    def on_emit(self, log_record):
        pass
    def shutdown(self):
        pass
    def force_flush(self, timeout_millis=30_000):
        print("flushed", 0 < timeout_millis <= 20_000)
        if self.result is None:
            raise LookupError("planted")
        return self.result

class Reader(InMemoryMetricReader):
    def force_flush(self, timeout_millis=10_000):
        return processor.force_flush(timeout_millis)

provider = {{}}
for name, add in (("tracer", "add_span_processor"), ("logger", "add_log_record_processor")):
    provider = {{"tracer": trace.get_tracer_provider, "logger": _logs.get_logger_provider}}[name]()
    for result in (True, None, False):
        processor = Processor(result)
        getattr(provider, add)(processor)
        print(name, provider.force_flush(20_000))
reader = Reader()
provider = metrics.get_meter_provider()
provider.add_metric_reader(reader)
print("meter", provider.force_flush(20_000))
processor = Processor(True)
print("meter", provider.force_flush(20_000))
provider.remove_metric_reader(reader)
print("meter", provider.force_flush(20_000))
"""
    done = run_python(tmp_path, code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert done.returncode == 0, done.stderr
    flushed = "flushed True"
    one = ["{0} True", flushed, flushed, "{0} False", flushed, flushed, flushed, "{0} False"]
    expected = [flushed, *[line.format("tracer") for line in one]]
    expected += [flushed, *[line.format("logger") for line in one]]
    expected += [flushed, "meter False", flushed, "meter True", "meter True"]
    assert done.stdout.splitlines() == expected
    assert "LookupError: planted" in done.stderr
