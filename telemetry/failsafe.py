"""What happens when telemetry itself fails while a request is served: the page goes out.

The SDK guards neither processors nor hooks, so everything of ours that runs on
the request's path is guarded here.
"""

from __future__ import annotations

import logging
from typing import Literal, get_args

from telemetry.state import state

logger = logging.getLogger("telemetry")

Component = Literal[
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
    "errors.event",
    "errors.event_redaction",
    "errors.report",
    "errors.span_processor",
    "errors.unraisable_hook",
    "export.flush",
    "export.logs",
    "export.traces",
    "logs.bridge",
    "logs.processor",
    "metrics.process",
    "redaction.log_record",
    "redaction.span",
    "traces.tail_sampling",
]
"""Components of telemetry that may fail while a request is served."""
COMPONENTS: frozenset[str] = frozenset(get_args(Component))


def raise_failures(flag: bool = True) -> None:
    """Let failures through instead of counting them.

    For test suites, this package's and its users': what is only counted in
    production must be seen by the test that caused it.
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
