"""gunicorn's own settings, found where it is started: the master's lines are as its workers'.

`PORT` and `WEB_CONCURRENCY` are its own variables, too.
"""

from logging.config import dictConfig
from typing import Any

from gunicorn.glogging import Logger
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import telemetry

# gunicorn's own: it cuts nobody off when workers end or are made anew, see benchmarks/WORKERS.md.
worker_class = "asgi"
# One in a user's home would be shared, or fought over, by blue and green.
control_socket_disable = True


class logger_class(Logger):  # noqa: N801 # gunicorn's name for the setting
    """Not `logconfig_dict`, which would have gunicorn prepare an access line for each request."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        dictConfig(telemetry.logging_config())


def post_worker_init(worker: Any) -> None:
    """The client is whom the proxy names in X-Forwarded-For, as `uvicorn_worker` has it."""
    if hasattr(worker, "asgi"):
        worker.asgi = ProxyHeadersMiddleware(worker.asgi, worker.cfg.forwarded_allow_ips)
