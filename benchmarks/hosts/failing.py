"""The host with pages that fail. Variables decide whether and how errors are tracked."""

from __future__ import annotations

import sys

from opentelemetry import trace

from benchmarks.hosts.control import with_control
from benchmarks.hosts.flushing import flush_items
from tests.end_to_end.failing.application import application as observed


def _flush() -> None:
    flush_items()
    provider = trace.get_tracer_provider()
    if hasattr(provider, "force_flush"):
        provider.force_flush()
    if "sentry_sdk" in sys.modules:
        sys.modules["sentry_sdk"].flush()


application = with_control(observed, _flush)
