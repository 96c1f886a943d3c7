"""What of a script's metrics is sent: a server would start their export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import OTLPReceiver

BEGIN = """
import telemetry
telemetry.configure(default_service_name="job")
from opentelemetry import metrics, trace
counter = metrics.get_meter("mine").create_counter("work.done")
"""
SPAN = """
with trace.get_tracer("mine").start_as_current_span("work"):
    counter.add(1)
"""
LIGHT = SPAN.replace("mine", "telemetry")
SCRIPTS = {
    "a span": SPAN,
    "a light span": LIGHT,
}
SAMPLERS = ("always_on", "always_off", "parentbased_always_off", "traceidratio", "tail")
SETTINGS: dict[str, dict[str, str]] = {
    **{name: {"OTEL_TRACES_SAMPLER": name} for name in SAMPLERS},
    "no traces": {"OTEL_TRACES_EXPORTER": "none"},
    "only metrics": {"OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"},
    "console": {"OTEL_TRACES_EXPORTER": "console", "TELEMETRY_CONSOLE": "off"},
}


@pytest.mark.parametrize("variables", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_s_metrics_are_sent(
    tmp_path: Path, receiver: OTLPReceiver, script: str, variables: dict[str, str]
) -> None:
    """From its first span on, whether it is recorded or not."""
    arg = {"OTEL_TRACES_SAMPLER_ARG": "0"}
    if variables.get("OTEL_TRACES_SAMPLER") not in ("traceidratio", "tail"):
        arg = {}
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **variables, **arg}
    printed(tmp_path, BEGIN + script, **env)
    assert [each.value for each in receiver.metrics if each.name == "work.done"] == [1]


def test_an_endpoint_of_metrics_alone_is_enough(tmp_path: Path, receiver: OTLPReceiver) -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{receiver.url}/v1/metrics"}
    printed(tmp_path, BEGIN + SPAN, **endpoint)
    assert [each.value for each in receiver.metrics if each.name == "work.done"] == [1]


@pytest.mark.parametrize("exporter", ["prometheus", "otlp"])
@pytest.mark.parametrize("call", ["telemetry.report_errors()", "telemetry.flush()"])
def test_a_script_without_a_span_listens_on_no_port_and_sends_no_metrics(
    tmp_path: Path, receiver: OTLPReceiver, call: str, exporter: str
) -> None:
    """Each command of `manage.py` calls the first."""
    code = f"""
    import telemetry
    telemetry.configure(default_service_name="job")
    from opentelemetry import metrics
    {call}
    print(type(metrics.get_meter_provider()).__module__)
    """
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_METRICS_EXPORTER": exporter}
    assert printed(tmp_path, code, **env) == "opentelemetry.metrics._internal"
    assert receiver.metrics == []
