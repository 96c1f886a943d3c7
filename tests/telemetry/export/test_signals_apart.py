"""What fails while one signal starts takes neither another signal nor error tracking along."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver, OTLPReceiver
from tests.support.processes import HOST, free_ports
from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

PLANTED = """
class Broken:
    def __init__(self):
        raise RuntimeError("planted")
"""
PROGRAM = """
import logging
import telemetry
from telemetry.logs.bridge import LogBridge
telemetry.configure(default_service_name="program")
logging.basicConfig(level=logging.INFO, format="%(message)s")
from opentelemetry import metrics, trace
with trace.get_tracer("mine").start_as_current_span("work"):
    metrics.get_meter("mine").create_counter("done").add(1)
    logging.getLogger("mine").addHandler(LogBridge())
    logging.getLogger("mine").info("hello")
telemetry.report_errors()
raise LookupError("the program's own")
"""
SIGNALS = ("traces", "metrics", "logs")


def install_broken_exporters(folder: Path) -> None:
    """Install a package whose exporters of all signals raise."""
    (folder / "planted_exporters.py").write_text(PLANTED)
    metadata = folder / "planted_exporters-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "".join(
            f"[opentelemetry_{signal}_exporter]\nplanted = planted_exporters:Broken\n"
            for signal in SIGNALS
        )
    )


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_exporter_that_can_not_be_made_costs_its_destination(
    tmp_path: Path, signal: str
) -> None:
    """All that is sent elsewhere arrives, of the same signal too, and one message names it."""
    install_broken_exporters(tmp_path)
    with OTLPReceiver() as receiver, EventReceiver() as errors:
        done = run_python(
            tmp_path,
            PROGRAM,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            SENTRY_DSN=errors.dsn,
            TELEMETRY_RAISE_FAILURES="false",
            **{f"OTEL_{signal.upper()}_EXPORTER": "planted,otlp"},
        )
    assert [span.name for span in receiver.spans] == ["work"], done.stderr
    assert "done" in {point.name for point in receiver.metrics}
    assert "hello" in {record.body for record in receiver.logs}
    # Telemetry's own failure is an event as well, once error tracking has started.
    assert sum("the program's own" in repr(event.exceptions) for event in errors.events) == 1
    component = "metrics.start" if signal == "metrics" else f"export.{signal}"
    said = f"internal error in the telemetry component {component}"
    assert done.stderr.count(said) == 1
    assert "RuntimeError: planted" in done.stderr


def test_a_flush_does_not_scrape(tmp_path: Path) -> None:
    """`telemetry.flush()` under `prometheus`: each sample is there once, as without a flush."""
    port = free_ports(1)
    program = f"""
import telemetry
telemetry.configure(default_service_name="program")
from opentelemetry import metrics, trace
with trace.get_tracer("mine").start_as_current_span("work"):
    metrics.get_meter("mine").create_counter("done").add(1)
for _ in range(3):
    telemetry.flush()
import urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
print(opener.open("http://{HOST}:{port}/metrics").read().decode())
"""
    with OTLPReceiver() as receiver:
        done = run_python(
            tmp_path,
            program,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=receiver.url,
            OTEL_TRACES_EXPORTER="otlp",
            OTEL_METRICS_EXPORTER="prometheus",
            OTEL_EXPORTER_PROMETHEUS_HOST=HOST,
            OTEL_EXPORTER_PROMETHEUS_PORT=str(port),
        )
    samples = re.findall(r"^([a-z_]+(?:\{[^}]*\})?) ", done.stdout, re.MULTILINE)
    assert "done_total" in samples, done.stdout + done.stderr
    assert len(samples) == len(set(samples))
