"""gunicorn's settings. gunicorn reads this file from the current folder.

The master process logs in the same format as its workers. gunicorn reads `PORT` and
`WEB_CONCURRENCY` itself.
"""

from logging.config import dictConfig
from typing import Any

from gunicorn.glogging import Logger
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import telemetry

# gunicorn's worker drops no request when workers end or are replaced: benchmarks/WORKERS.md.
worker_class = "asgi"
# A socket in the user's home would be shared by the blue and the green release.
control_socket_disable = True


class logger_class(Logger):  # noqa: N801 # gunicorn's name for the setting
    """Configures logging.

    Not `logconfig_dict`, with which gunicorn would format an access line for each request.
    """

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        dictConfig(telemetry.logging_config())


def post_worker_init(worker: Any) -> None:
    """Set the client from X-Forwarded-For of trusted proxies, as `uvicorn_worker` does."""
    if hasattr(worker, "asgi"):
        worker.asgi = ProxyHeadersMiddleware(worker.asgi, worker.cfg.forwarded_allow_ips)
