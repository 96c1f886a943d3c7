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


# Spans of telemetry's own scope are light ones, which wait to be encoded.
@pytest.mark.parametrize("scope", ["mine", "telemetry"])
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_each_process_sends_its_own(tmp_path: Path, protocol: str, scope: str) -> None:
    """The parent has sent before it forks, and has a span in its queue, which is its own."""
    grpc = protocol == "grpc"
    with OTLPReceiver(grpc=grpc) as receiver:
        output = printed(
            tmp_path,
            PROGRAM.replace("mine", scope),
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


PROVIDERS = """
import requests

def session():
    return requests.Session()

def late():
    import planted_late
    return requests.Session()
"""
PROVIDER = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER"
GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
SENDING: dict[str, dict[str, str]] = {
    "address": {},
    "name": {},
    "grpc": GRPC,
    "spool": {"TELEMETRY_SPOOL_DIR": "spool"},
    "grpc with a spool": {**GRPC, "TELEMETRY_SPOOL_DIR": "spool"},
    # The receiver is no proxy, and answers what is meant for one with 404.
    "proxy": {"HTTP_PROXY": "URL", "NO_PROXY": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x.test"},
    "logfire through a proxy": {
        "HTTP_PROXY": "URL",
        "NO_PROXY": "",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
        "LOGFIRE_BASE_URL": "http://x.test",
        "LOGFIRE_TOKEN": "pylf_v1_us_planted",
    },
    "provider": {PROVIDER: "session"},
}


def _imports(folder: Path, name: str, variables: dict[str, str]) -> list[str]:
    """Run the program. Returns what threads have imported, and the last line."""
    metadata = folder / "planted_providers-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[opentelemetry_otlp_credential_provider]\n"
        "session = planted_providers:session\nlate = planted_providers:late\n"
    )
    (folder / "planted_providers.py").write_text(PROVIDERS)
    (folder / "planted_late.py").write_text("")
    with OTLPReceiver(grpc=True) as receiver, EventReceiver() as events:
        url = receiver.grpc_endpoint if "OTEL_EXPORTER_OTLP_PROTOCOL" in variables else receiver.url
        own = {key: value.replace("URL", receiver.url) for key, value in variables.items()}
        shown = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "SENTRY_DSN": events.dsn}
        if name == "name":
            shown = {key: each.replace("127.0.0.1", "localhost") for key, each in shown.items()}
        lines = printed(folder, IMPORTS, **{**shown, **own}).splitlines()
        if "HTTP_PROXY" in variables:
            assert lines[-1] != "left 0"
        else:
            assert lines[-1] == "left 0"
            assert (len(receiver.spans), len(events.events)) == (1, 1)
            assert receiver.logs
            assert receiver.metrics
        return lines[:-1]


@pytest.mark.parametrize("name", SENDING)
def test_no_thread_imports(tmp_path: Path, name: str) -> None:
    """In a process that is forked during an import, the same import would never end."""
    assert _imports(tmp_path, name, SENDING[name]) == []


def test_an_import_of_a_thread_is_noticed(tmp_path: Path) -> None:
    assert _imports(tmp_path, "late", {PROVIDER: "late"}) == [
        "telemetry-sender imports planted_late"
    ]
