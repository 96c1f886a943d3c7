"""gunicorn's own settings, found where it is started: the master's lines are as its workers'."""

from logging.config import dictConfig
from typing import Any

from gunicorn.glogging import Logger

import telemetry


class logger_class(Logger):  # noqa: N801 # gunicorn's name for the setting
    """Not `logconfig_dict`, which would have gunicorn prepare an access line for each request."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        dictConfig(telemetry.logging_config())
