"""The host's settings, with more pages, a middleware and an ASGI layer."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

# isort: split
# After the host's settings: djp loads plugins from the folder that they name.
import djp

from . import layer

ROOT_URLCONF = "compared_host.urls"
MIDDLEWARE = [*MIDDLEWARE, "compared_host.views.failing_middleware"]

djp.pm.register(layer)
