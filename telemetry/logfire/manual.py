"""Logfire's manual API, ``logfire.info``, ``logfire.span`` and their kind, on our providers.

Without ``logfire.configure()``, which would take the global providers and shut
ours down. Nothing is imported here: whoever imports logfire gets it so, and
where nobody does it costs nothing.

What is reached for is internal to Logfire 5.2 (``_internal/config.py``), and
tested against what is installed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.trace import TracerProvider

logger = logging.getLogger("telemetry")


def lend(
    tracer_provider: TracerProvider,
    logger_provider: LoggerProvider,
    flush: Callable[[float], int],
) -> None:
    """Lend the providers to Logfire, now or when it is imported.

    Args:
        tracer_provider: for its spans and messages.
        logger_provider: for what its integrations log.
        flush: sends what is in flight, for at most so many seconds; how much was not delivered.
    """

    def imported(logfire: Any) -> None:
        try:
            _lend(logfire.DEFAULT_LOGFIRE_INSTANCE.config, tracer_provider, logger_provider, flush)
        except Exception:
            # Another release of it. An application's import of a library must not fail by us.
            logger.exception(
                "logfire %s is not one whose manual API we know: what it is given goes nowhere",
                getattr(logfire, "__version__", "of an unknown version"),
            )

    wrapt.register_post_import_hook(imported, "logfire")


def _lend(
    config: Any,
    tracer_provider: TracerProvider,
    logger_provider: LoggerProvider,
    flush: Callable[[float], int],
) -> None:
    def configure(*_args: Any, **_kwargs: Any) -> None:
        logger.warning(
            "logfire.configure() was called and changes nothing: telemetry is configured by the "
            "environment, and logfire's functions use that; remove the call"
        )

    def shutdown(timeout_millis: float = 30_000, **_kwargs: Any) -> bool:
        logger.warning(
            "logfire.shutdown() was called and shuts nothing down: telemetry ends with the process"
        )
        return force_flush(timeout_millis)

    def force_flush(timeout_millis: float = 30_000) -> bool:
        return flush(timeout_millis / 1000) == 0

    config.get_tracer_provider().set_provider(tracer_provider)
    config.get_logger_provider().set_provider(logger_provider)
    # The API's own, whose instruments change to ours once those exist: after a server's fork.
    config.get_meter_provider().set_meter_provider(metrics.get_meter_provider())
    config.ignore_no_config = True
    config.advanced.emit_configuration_span = False
    config.configure, config.shutdown, config.force_flush = configure, shutdown, force_flush
