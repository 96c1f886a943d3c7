"""A pipeline that was started, used and closed leaves no thread and no file open."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import gc, json, os, sys, threading, time
from opentelemetry._logs import LogRecord
from telemetry.pipeline import Pipeline
from telemetry.settings import read_settings

def usage():
    gc.collect()
    return sorted(thread.name for thread in threading.enumerate()), len(os.listdir("/proc/self/fd"))

def use(number):
    pipeline = Pipeline(read_settings(os.environ, default_service_name="host"))
    pipeline.start()
    pipeline.tracer_provider.get_tracer("mine").start_span(f"span {number}").end()
    pipeline.logger_provider.get_logger("mine").emit(LogRecord(body="log"))
    pipeline.meter_provider.get_meter("mine").create_counter("work.done").add(1)
    if number % 2:
        pipeline.stop()
    during.append(threading.active_count())
    pipeline.close()

during = []
# Python's and the libraries' own, once in a process.
use(0)
before = usage()
for number in range(1, ROUNDS):
    use(number)
# gRPC closes its descriptors on a thread of its own, soon after. Those of a leak stay.
deadline = time.monotonic() + 120
while usage()[1] > before[1] and time.monotonic() < deadline:
    time.sleep(0.05)
print(json.dumps([before, usage(), min(during)]))
"""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_nothing_is_left(tmp_path: Path, protocol: str, soak: bool) -> None:
    """And all that was recorded has arrived, after a stop or without one."""
    rounds = 1000 if soak else 30
    grpc = protocol == "grpc"
    with OTLPReceiver(grpc=grpc) as receiver:
        output = printed(
            tmp_path,
            PROGRAM.replace("ROUNDS", str(rounds)),
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc_endpoint if grpc else receiver.url,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        )
        before, after, threads_during = json.loads(output.splitlines()[-1])
        assert after[0] == before[0] == ["MainThread"]
        assert after[1] <= before[1]
        assert threads_during > 1
        names = Counter(span.name for span in receiver.spans)
        assert names == {f"span {number}": 1 for number in range(rounds)}
        assert len([log for log in receiver.logs if log.body == "log"]) == rounds
        counted = [point for point in receiver.metrics if point.name == "work.done"]
        # Each pipeline counts from one.
        assert len({point.start_ns for point in counted}) == rounds
