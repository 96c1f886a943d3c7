"""A process that can't look at itself, as where there is no /proc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.telemetry.scripts import run_python

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry.testing import OTLPReceiver

CODE = """
    import psutil
    psutil.PROCFS_PATH = "/nonexistent"
    import telemetry
    telemetry.configure(default_service_name="script")
    from opentelemetry import trace
    with trace.get_tracer("script").start_as_current_span("work"):
        pass
"""


def test_it_has_everything_but_its_own_metrics(receiver: OTLPReceiver, tmp_path: Path) -> None:
    """What starts after them is started: traces, the other metrics, errors."""
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "TELEMETRY_RAISE_FAILURES": "0"}
    done = run_python(tmp_path, CODE, **variables)
    assert done.returncode == 0
    assert done.stderr.count("internal error in the telemetry component metrics.process;") == 1
    assert [span.name for span in receiver.spans] == ["work"]
    names = {point.name for point in receiver.metrics}
    assert "corkboard.telemetry.exported" in names
    assert not [name for name in names if name.startswith("process.")]
