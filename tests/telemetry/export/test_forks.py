"""A forked child sends what it records itself, on connections of its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
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
