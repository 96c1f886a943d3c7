"""Django's `LOGGING`: one handler for all, and what servers and frameworks log of themselves."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from telemetry.settings.logs import read_log_settings
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Mapping

# The edge has a line for each request; a server's own would be a second, without a trace.
ACCESS_LOGGERS = ("uvicorn.access", "gunicorn.access")
# Theirs have handlers of their own, which would write each line once more.
FRAMEWORKS = ("uvicorn", "uvicorn.asgi", "django.server")
# Not by propagation: see `ToRoot`.
SERVERS = ("uvicorn.error", "gunicorn.error")
# A line for each 404, which is in the access line; what is an error stays.
QUIET = {"django.request": "ERROR"}
_SILENT = 100


def logging_config(
    environ: Mapping[str, str] | None = None, *, debug: bool | None = None
) -> dict[str, Any]:
    """A dictionary for Django's ``LOGGING``, or for `logging.config.dictConfig`.

    Everything that is logged goes to standard output, a line a record: JSON, or
    text under ``debug``, as LOG_FORMAT and LOGLEVEL have it; in a command, which
    has called `telemetry.report_errors`, to standard error. The same records go
    to the log exporters, where there are any. Handlers and loggers that a host
    adds to the dictionary are its own and stay.

    Once it was called, `telemetry.asgi_wrapper` writes a line for each request,
    whether or not any telemetry is configured.

    Args:
        environ: ``os.environ`` unless given.
        debug: the host's debug mode; None asks ``DEBUG``.

    Raises:
        ConfigurationError: naming every variable that can't be understood.
    """
    settings = read_log_settings(os.environ if environ is None else environ, debug=debug)
    state.own_log_lines = True
    loggers: dict[str, dict[str, Any]] = {
        # Below that it tells of each query and template; whoever wants it names `django`.
        "django": {"handlers": [], "level": "INFO" if settings.level == "DEBUG" else "NOTSET"},
        **{name: {"handlers": [], "propagate": True, "level": "NOTSET"} for name in FRAMEWORKS},
        **{
            name: {
                "handlers": ["root"],
                "propagate": False,
                "level": "NOTSET",
                "filters": ["servers_own"],
            }
            for name in SERVERS
        },
        **{name: {"level": level} for name, level in QUIET.items()},
        **{name: {"handlers": [], "propagate": False, "level": _SILENT} for name in ACCESS_LOGGERS},
    }
    for name, level in settings.levels.items():
        # Named by the operator: to be seen, then.
        known = loggers.get(name, {"propagate": True})
        loggers[name] = {**known, "level": level}
        if name in ACCESS_LOGGERS:
            loggers[name]["propagate"] = True
    kind, options = (
        ("JSONFormatter", {"release": settings.release})
        if settings.format == "json"
        else ("ReadableFormatter", {"color": settings.color, "stream": state.log_stream})
    )
    formatter = {
        "()": f"telemetry.logs.formatters.{kind}",
        "redaction": settings.redaction,
        **options,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"telemetry": formatter},
        "filters": {
            "throttle": {"()": "telemetry.logs.throttle.Throttle"},
            "servers_own": {"()": "telemetry.logs.access.ServersOwn"},
        },
        "handlers": {
            "telemetry": {
                "class": "logging.StreamHandler",
                "stream": f"ext://sys.{state.log_stream}",
                "formatter": "telemetry",
                "filters": ["throttle"],
            },
            "opentelemetry": {"class": "telemetry.logs.bridge.LogBridge"},
            "root": {"class": "telemetry.logs.config.ToRoot"},
        },
        "root": {"level": settings.level, "handlers": ["telemetry", "opentelemetry"]},
        "loggers": loggers,
    }


class ToRoot(logging.Handler):
    """Hands a record on to the root logger.

    ``uvicorn_worker.UvicornWorker`` gives uvicorn's logger the very list that
    gunicorn's has its handlers in, and lets it not propagate. Where that comes
    after ours, with ``--preload``, the list must not be empty; where it comes
    before, what is in it must not be written twice.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        """Without `logging`'s lock: it holds nothing."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Hand it on."""
        logging.getLogger().handle(record)
