"""Handling of errors in telemetry itself: they never fail a request.

The SDK catches no exceptions of processors and hooks, so telemetry's code on the
request path catches them and calls `failed`.
"""

from __future__ import annotations

import logging
from typing import Literal, get_args

from telemetry.forks import renew_in_children
from telemetry.state import state

logger = logging.getLogger("telemetry")
renew_in_children(state, "lock")

Component = Literal[
    "datasette.backport",
    "datasette.exception_hook",
    "datasette.span_processor",
    "django.middleware.request",
    "django.middleware.response",
    "django.middleware.view",
    "django.signal",
    "edge.error_page",
    "edge.request_end",
    "edge.request_start",
    "edge.response_start",
    "edge.server_timing",
    "errors.cause",
    "errors.event",
    "errors.event_redaction",
    "errors.report",
    "errors.span_processor",
    "errors.start",
    "errors.transport",
    "errors.unraisable_hook",
    "export.answer",
    "export.attribute",
    "export.encoding",
    "export.flush",
    "export.logs",
    "export.metrics",
    "export.sender",
    "export.traces",
    "logs.bridge",
    "logs.processor",
    "metrics.collection",
    "metrics.process",
    "metrics.start",
    "metrics.tables",
    "processes",
    "redaction.log_record",
    "redaction.span",
    "redaction.text",
    "traces.tail_sampling",
]
"""Components of telemetry that may fail while a request is served."""
COMPONENTS: frozenset[str] = frozenset(get_args(Component))


def raise_failures(flag: bool = True) -> None:
    """Raise failures instead of counting them.

    For test suites of this package and of hosts: a failure that production only counts
    must fail the test that caused it.
    """
    state.raise_failures = flag


def failed(component: Component, error: BaseException) -> None:
    """Count an internal error of telemetry, and log the first one of each component."""
    if state.raise_failures:
        raise error
    with state.lock:
        state.failures[component] += 1
        first = state.failures[component] == 1
    if first:
        logger.error(
            "internal error in the telemetry component %s; requests are served. "
            "Further errors of this component are only counted",
            component,
            exc_info=error,
        )
