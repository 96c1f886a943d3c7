"""A forked child sends what it records itself, on connections of its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import os
import telemetry
telemetry.configure(default_service_name="program")
from opentelemetry import trace
tracer = trace.get_tracer("mine")

def work(name):
    tracer.start_span(name).end()

work("sent before")
print(telemetry.flush(30), flush=True)
work("waiting")
child = os.fork()
if child == 0:
    work("child")
    print(telemetry.flush(30), flush=True)
    os._exit(0)
os.waitpid(child, 0)
work("after")
print(telemetry.flush(30))
"""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_each_process_sends_its_own(tmp_path: Path, protocol: str) -> None:
    """The parent has sent before it forks, and has a span in its queue, which is its own."""
    grpc = protocol == "grpc"
    with OTLPReceiver(grpc=grpc) as receiver:
        output = printed(
            tmp_path,
            PROGRAM,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.grpc_endpoint if grpc else receiver.url,
            OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
            OTEL_BSP_SCHEDULE_DELAY="3600000",
        )
        assert output.split() == ["0", "0", "0"]
        names = Counter(span.name for span in receiver.spans)
        assert names == {"sent before": 1, "waiting": 1, "child": 1, "after": 1}
        ids = {span.name: span.resource["service.instance.id"] for span in receiver.spans}
        assert ids["child"] != ids["after"] == ids["waiting"]


IMPORTS = """
# In a new interpreter: sys.modules of a fork has some of them.
import logging, sys, threading

class Finder:
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            print(threading.current_thread().name, "imports", name)

sys.meta_path.insert(0, Finder())
import telemetry
telemetry.configure(default_service_name="program")
from opentelemetry import _logs, metrics, trace

with trace.get_tracer("work").start_as_current_span("work"):
    _logs.get_logger("work").emit(_logs.LogRecord(body="work"))
    logging.getLogger("work").error("planted")
metrics.get_meter("work").create_counter("work.done").add(1)
print("left", telemetry.flush(30))
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_thread_imports(tmp_path: Path, host: str) -> None:
    """In a process that is forked during an import, the same import would never end."""
    with OTLPReceiver() as receiver, EventReceiver() as events:
        output = printed(
            tmp_path,
            IMPORTS,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url.replace("127.0.0.1", host),
            SENTRY_DSN=events.dsn.replace("127.0.0.1", host),
        )
        assert output == "left 0"
        assert (len(receiver.spans), len(events.events)) == (1, 1)
        assert receiver.logs
        assert receiver.metrics
