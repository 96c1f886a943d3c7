"""gunicorn's settings. gunicorn reads this file from the current folder.

The master process logs in the same format as its workers. gunicorn reads `PORT` and
`WEB_CONCURRENCY` itself.
"""

import os
from logging.config import dictConfig
from typing import Any

from gunicorn.glogging import Logger
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import telemetry
from config.environment import read_environment
from config.forwarded import ForwardedHeaders

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
    """Set the client from X-Forwarded-For of trusted proxies: by their number, or by address.

    By address as `uvicorn_worker` does.
    """
    proxies = read_environment(os.environ).trusted_proxies
    if not hasattr(worker, "asgi"):
        if proxies is not None:
            worker.log.warning("TRUSTED_PROXIES is not used by this worker class, only by asgi")
    elif proxies is not None:
        worker.asgi = ForwardedHeaders(worker.asgi, proxies)
    else:
        worker.asgi = ProxyHeadersMiddleware(worker.asgi, worker.cfg.forwarded_allow_ips)
