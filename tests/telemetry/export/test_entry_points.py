"""Exporters reached by name: other packages' by our pipeline, ours by any configurator."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.metrics.provider import reader_of, start_meter_provider
from telemetry.metrics.sites import SiteLabels
from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings
from tests.support.odd_server import OddServer, answer
from tests.telemetry.export.test_sender import names
from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import OTLPReceiver
    from tests.support.odd_server import Odd, Request

SENDS_EVERYTHING = """
import telemetry
telemetry.configure(default_service_name="script")
from opentelemetry import metrics, trace
with trace.get_tracer("mine").start_as_current_span("work"):
    metrics.get_meter("mine").create_counter("done").add(1)
"""


def test_another_packages_exporters_send(tmp_path: Path, receiver: OTLPReceiver) -> None:
    """`otlp_proto_http`, found by its entry points, for all three signals."""
    names = {
        f"OTEL_{signal}_EXPORTER": "otlp_proto_http" for signal in ("TRACES", "METRICS", "LOGS")
    }
    done = run_python(tmp_path, SENDS_EVERYTHING, **names, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert [span.name for span in receiver.spans] == ["work"]
    assert "done" in {point.name for point in receiver.metrics}
    assert len(receiver.logs) == 1


def test_a_metrics_exporter_may_be_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Prometheus's is: it is scraped, and no interval drives it."""
    # Written where it is unset; and taken back after this test.
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "false")
    reader = InMemoryMetricReader()
    provider = start_meter_provider(
        [reader_of(reader, 60, 30)],
        Resource({}),
        site_labels=SiteLabels(1),
        redactor=Redactor(RedactionSettings()),
        adapters={},
        exemplars="trace_based",
    )
    provider.get_meter("mine").create_counter("done").add(3)
    data: Any = reader.get_metrics_data()
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "done"
    provider.shutdown()


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
@pytest.mark.parametrize("name", ["corkboard_console", "corkboard_logfire"])
def test_ours_can_be_made_by_any_configurator(
    signal: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which makes them without an argument, from the environment."""
    monkeypatch.setenv("LOGFIRE_TOKEN", "pylf_v1_us_sesame")
    (point,) = entry_points(group=f"opentelemetry_{signal}_exporter", name=name)
    exporter = point.load()()
    assert type(exporter).__module__.startswith("telemetry.export.")
    exporter.shutdown()
    assert trace.get_tracer_provider().__class__.__name__ == "ProxyTracerProvider"


LOGFIRE_ON_THE_SDK = """
from importlib.metadata import entry_points
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

def made(signal):
    (point,) = entry_points(group=f"opentelemetry_{signal}_exporter", name="corkboard_logfire")
    return point.load()()

tracers, loggers = TracerProvider(), LoggerProvider()
tracers.add_span_processor(BatchSpanProcessor(made("traces")))
loggers.add_log_record_processor(BatchLogRecordProcessor(made("logs")))
meters = MeterProvider([PeriodicExportingMetricReader(made("metrics"))])
tracers.get_tracer("mine").start_span("work", attributes={"note": "mail me@example.org"}).end()
loggers.get_logger("mine").emit(LogRecord(body="hello me@example.org"))
meters.get_meter("mine").create_counter("done").add(2)
for provider in (tracers, loggers, meters):
    provider.shutdown()
"""


def test_ours_send_from_the_sdks_own_providers(tmp_path: Path, receiver: OTLPReceiver) -> None:
    """All three signals, redacted, in the form that Logfire's pages show."""
    variables = {"LOGFIRE_TOKEN": "pylf_v1_us_sesame", "LOGFIRE_BASE_URL": receiver.url}
    done = run_python(tmp_path, LOGFIRE_ON_THE_SDK, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    [span], [log] = receiver.spans, receiver.logs
    assert span.attributes["logfire.msg"] == "work"
    assert span.attributes["note"] == "mail [REDACTED]"
    assert log.body == "hello [REDACTED]"
    [point] = [point for point in receiver.metrics if point.name == "done"]
    assert point.value == 2
    assert {call.headers["authorization"] for call in receiver.requests} == {"pylf_v1_us_sesame"}


def test_ours_say_what_they_could_not_send(tmp_path: Path, receiver: OTLPReceiver) -> None:
    """To the SDK by their result, and to the operator by one line."""
    receiver.answer(401)
    variables = {"LOGFIRE_TOKEN": "pylf_v1_us_sesame", "LOGFIRE_BASE_URL": receiver.url}
    done = run_python(tmp_path, LOGFIRE_ON_THE_SDK, **variables)
    assert done.returncode == 0
    assert done.stderr.count("can't be delivered: status 401") == 3
    assert "sesame" not in done.stderr


def test_on_another_configuration_a_batch_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """Into as many requests as the backend takes; what is too large by itself costs itself."""
    with OddServer() as server:
        monkeypatch.setenv("LOGFIRE_TOKEN", "pylf_v1_us_sesame")
        monkeypatch.setenv("LOGFIRE_BASE_URL", server.url)

        def reply(request: Request) -> Odd:
            found = names(request)
            return answer(413 if len(found) > 2 or "large" in found else 200)

        server.reply = reply
        provider, ended = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(ended))
        for name in ("one", "two", "large", "three", "four"):
            provider.get_tracer("theirs").start_span(name).end()
        (point,) = entry_points(group="opentelemetry_traces_exporter", name="corkboard_logfire")
        exporter = point.load()()
        assert exporter.export(ended.get_finished_spans()) is SpanExportResult.FAILURE
        assert exporter.export(ended.get_finished_spans()[:2]) is SpanExportResult.SUCCESS
        exporter.shutdown()
        sent = [names(each) for each in server.requests]
        taken = [name for found in sent if len(found) <= 2 for name in found if name != "large"]
        assert taken == ["one", "two", "three", "four", "one", "two"]
