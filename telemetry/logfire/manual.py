"""Logfire's manual API (``logfire.info``, ``logfire.span``, ...) on telemetry's providers.

Used instead of ``logfire.configure()``, which would replace the global providers
and shut telemetry's down. Nothing is imported here: the providers are attached
when the host imports logfire.

The names are internal to Logfire: see `telemetry.private_api`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry import metrics

from telemetry import private_api

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.trace import TracerProvider

logger = logging.getLogger("telemetry")


def attach(
    tracer_provider: TracerProvider,
    logger_provider: LoggerProvider,
    flush: Callable[[float], int],
) -> None:
    """Attach the providers to Logfire, now or when it is imported.

    Args:
        tracer_provider: for Logfire's spans and messages.
        logger_provider: for log records of Logfire's integrations.
        flush: sends pending telemetry within a number of seconds; returns the number of
            undelivered items.
    """

    def imported(_logfire: object) -> None:
        config = private_api.get(private_api.LOGFIRE_CONFIG)
        if config is not None:
            _attach(config, tracer_provider, logger_provider, flush)

    wrapt.register_post_import_hook(imported, "logfire")


def _attach(
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

    p = private_api
    # OpenTelemetry's global meter provider is a proxy here. Its instruments switch to
    # telemetry's provider when that is started, which is after a server's fork.
    for proxy_of, set_provider, provider in (
        (p.LOGFIRE_TRACER_PROVIDER, p.LOGFIRE_SET_TRACER_PROVIDER, tracer_provider),
        (p.LOGFIRE_LOGGER_PROVIDER, p.LOGFIRE_SET_LOGGER_PROVIDER, logger_provider),
        (p.LOGFIRE_METER_PROVIDER, p.LOGFIRE_SET_METER_PROVIDER, metrics.get_meter_provider()),
    ):
        proxy = p.call(proxy_of, config)
        if proxy is not None:
            p.call(set_provider, proxy, provider)
    p.replace(p.LOGFIRE_UNCONFIGURED, True, config)
    advanced = p.get(p.LOGFIRE_ADVANCED, config)
    if advanced is not None:
        p.replace(p.LOGFIRE_CONFIGURATION_SPAN, False, advanced)
    p.replace(p.LOGFIRE_CONFIGURE, configure, config)
    p.replace(p.LOGFIRE_SHUTDOWN, shutdown, config)
    p.replace(p.LOGFIRE_FLUSH, force_flush, config)
