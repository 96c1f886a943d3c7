"""What children of multiprocessing do in `test_processes`. Imported by each, so it configures."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING

import telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

telemetry.configure(default_service_name="program")

from opentelemetry import _logs, metrics, trace  # noqa: E402 # telemetry is configured first

tracer = trace.get_tracer("work")


def work(name: str) -> str:
    """Record a span, a log record and a measurement. Returns the trace id and the process id."""
    with tracer.start_as_current_span(name) as span:
        _logs.get_logger("work").emit(_logs.LogRecord(body=f"log of {name}"))
    metrics.get_meter("work").create_counter("work.done").add(1, {"name": name})
    return f"{span.get_span_context().trace_id:032x} {os.getpid()}"


def step(name: str, fails: bool = False) -> str:
    """Record a span, below the current one if there is one. Returns its trace id."""
    with suppress(LookupError), tracer.start_as_current_span(name) as span:
        if fails:
            raise LookupError("planted")
    return f"{span.get_span_context().trace_id:032x}"


def trace_of_two(name: str, fails: bool) -> str:
    """Record a trace whose inner span may fail. Returns a line with its id."""
    with tracer.start_as_current_span(name):
        return f"{name} {fails} {step('inner', fails)}"


def crash(name: str) -> None:
    work(name)
    raise LookupError("planted")


def crash_alone() -> None:
    """In a child that has recorded nothing before."""
    raise LookupError("alone")


def leave(name: str) -> None:
    work(name)
    sys.exit(3)


def be_idle() -> None:
    """Print the threads that there are after all other finalizers."""
    Finalize(None, _print_threads, exitpriority=-(10**9))


def _print_threads() -> None:
    print(f"threads={threading.active_count()}", flush=True)


def wait_for_signal(name: str) -> None:
    work(name)
    Path("ready").touch()
    time.sleep(600)


def end_when_collected(name: str) -> None:
    """Return, and be ended by SIGTERM while metrics are collected for the last time."""

    def be_ended(_options: metrics.CallbackOptions) -> Iterator[metrics.Observation]:
        os.kill(os.getpid(), signal.SIGTERM)
        yield metrics.Observation(1, {"name": name})

    metrics.get_meter("work").create_observable_gauge("work.ended", callbacks=[be_ended])
    work(name)


def with_handler(name: str) -> None:
    """As a server's worker: its handler is not replaced, nor called by another one."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    wait_for_signal(name)
