"""`python -m benchmarks.start`: time and memory of the import and of `configure()`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median
from textwrap import fill
from typing import TYPE_CHECKING

from benchmarks.command import run_in_rounds, say
from benchmarks.machine import machine, packages
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.processes import refusing_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MEASURE = """
import json, os, time
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before, clock, cpu = resident(), time.perf_counter(), time.process_time()
{code}
print(json.dumps([time.perf_counter() - clock, time.process_time() - cpu, resident() - before]))
# Without a flush to a destination that does not exist.
os._exit(0)
"""
_OURS = "import telemetry\ntelemetry.configure(default_service_name='start')"
_DISTRO = """
from opentelemetry.distro import OpenTelemetryConfigurator, OpenTelemetryDistro
OpenTelemetryDistro().configure()
OpenTelemetryConfigurator().configure()
"""
_SPAN = "\nfrom opentelemetry import trace\ntrace.get_tracer('start').start_span('first').end()"


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("start", __doc__, _run, arguments)


def _run(rounds: int) -> Iterator[str]:
    otlp = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{refusing_port()}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
    }
    ways: Mapping[str, tuple[str, Mapping[str, str]]] = {
        "ours, nothing configured": (_OURS, {}),
        "ours, OTLP": (_OURS, otlp),
        "ours, OTLP, and the first span": (_OURS + _SPAN, otlp),
        "the SDK's distro, OTLP": (_DISTRO, otlp),
        "the SDK's distro, OTLP, and the first span": (_DISTRO + _SPAN, otlp),
    }
    found: dict[str, list[tuple[float, ...]]] = {way: [] for way in ways}
    # The first round, which may compile modules, is not counted.
    for number in range(rounds + 1):
        say(f"round {number} of {rounds}")
        for way, (code, variables) in ways.items():
            measured = _measure(code, variables)
            if number:
                found[way].append(measured)
    yield "Import and configure(), in a new process"
    yield f"(medians of {rounds} rounds, interleaved):"
    yield f"  {'':<44}{'ms':>8}{'CPU ms':>9}{'MB':>7}"
    for way, rows in found.items():
        clock, cpu, memory = (median(column) for column in zip(*rows, strict=True))
        yield f"  {way:<44}{clock * 1000:>8.0f}{cpu * 1000:>9.0f}{memory / 1e6:>7.1f}"
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


def _measure(code: str, variables: Mapping[str, str]) -> tuple[float, ...]:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE.format(code=code)],
        env=clean_environment(os.environ, **variables),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main())
