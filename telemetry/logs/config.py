"""Django's `LOGGING`: one output for all loggers, those of servers and frameworks included."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from telemetry.logs.startup import release_messages
from telemetry.settings.logs import read_log_settings
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The edge writes an access line. A server's would be a second one, without a trace id.
ACCESS_LOGGERS = ("uvicorn.access", "gunicorn.access")
# These loggers have handlers by default, which would write each line a second time.
FRAMEWORKS = ("uvicorn", "uvicorn.asgi", "django.server")
# These reach the root logger by a handler, not by propagation: see `ToRoot`.
SERVERS = ("uvicorn.error", "gunicorn.error")
# Django logs a warning for each 404, which the access line has as well. Errors stay.
QUIET = {"django.request": "ERROR"}
_SILENT = 100


def logging_config(
    environ: Mapping[str, str] | None = None, *, debug: bool | None = None
) -> dict[str, Any]:
    """Return a dictionary for Django's ``LOGGING``, or for `logging.config.dictConfig`.

    All log records go to standard output, one line each: JSON, or text under
    ``debug``. LOG_FORMAT and LOGLEVEL change that. In a command of ``manage.py`` or
    ``django-admin``, and in a process that has called `telemetry.report_errors`, they
    go to standard error. The same records go to the log exporters, if any are
    configured. A host may add handlers and loggers to the dictionary.

    After the call, `telemetry.asgi_wrapper` writes an access line for each request,
    whether or not any telemetry is configured.

    Args:
        environ: the variables; ``os.environ`` unless given.
        debug: the host's debug mode; None reads ``DEBUG``.

    Raises:
        ConfigurationError: if any variable is invalid; names all of them.

    Example:
        >>> import logging.config
        >>> config = telemetry.logging_config(debug=False)
        >>> config["loggers"]["my_host"] = {"level": "DEBUG"}
        >>> logging.config.dictConfig(config)
    """
    settings = read_log_settings(os.environ if environ is None else environ, debug=debug)
    state.own_log_lines = True
    if _is_command(sys.argv):
        # Standard output is for the command's output.
        state.log_stream = "stderr"
    loggers: dict[str, dict[str, Any]] = {
        # At DEBUG, Django logs each query and template. An operator can still set the level
        # of `django` by name.
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
        # The operator has set a level for this logger, so an access logger is shown.
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
    if state.held_messages is not None:
        _write_held_messages(kind, {"redaction": settings.redaction, **options})
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


def _write_held_messages(kind: str, options: Mapping[str, Any]) -> None:
    from telemetry.logs import formatters

    handler = logging.StreamHandler(getattr(sys, state.log_stream))
    handler.setFormatter(getattr(formatters, kind)(**options))
    release_messages(handler.handle)


def _is_command(arguments: Sequence[str]) -> bool:
    """Whether Django's command line was started: ``manage.py``, ``django-admin``, ``-m django``."""
    program = PurePath(arguments[0]) if arguments else PurePath()
    return program.name in ("manage.py", "django-admin") or program.parts[-2:] == (
        "django",
        "__main__.py",
    )


def lines_in_use() -> bool:
    """Whether a handler of the root logger writes lines in telemetry's format.

    False if the dictionary of `logging_config` was not applied, as with Django's
    ``LOGGING_CONFIG = None``, or if its handlers were replaced. Handlers behind a
    ``MemoryHandler`` or a ``QueueHandler`` count.
    """
    # Here, since `import telemetry` imports this module.
    from telemetry.logs.formatters import JSONFormatter, ReadableFormatter

    waiting: list[Any] = [*logging.getLogger().handlers]
    seen: set[int] = set()
    while waiting:
        handler = waiting.pop()
        if id(handler) in seen:
            continue
        seen.add(id(handler))
        if isinstance(getattr(handler, "formatter", None), JSONFormatter | ReadableFormatter):
            return True
        # What a MemoryHandler and the listener of a QueueHandler pass records on to.
        behind = getattr(getattr(handler, "listener", None), "handlers", ())
        waiting += [each for each in (getattr(handler, "target", None), *behind) if each]
    return False


class ToRoot(logging.Handler):
    """Passes a record on to the root logger.

    ``uvicorn_worker.UvicornWorker`` gives uvicorn's logger the same list object that
    holds the handlers of gunicorn's logger, and turns its propagation off. If that
    happens after this configuration, with ``--preload``, the list must not be empty.
    If it happens before, the list's handlers must not write each record twice.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit without `logging`'s lock: the handler has no state."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the record on, to the handlers.

        Not by `Logger.handle`: Sentry's SDK replaces what that calls, and would report the record
        of an error a second time.
        """
        root = logging.getLogger()
        if root.disabled or not root.filter(record):
            return
        for handler in root.handlers:
            if record.levelno >= handler.level:
                handler.handle(record)
