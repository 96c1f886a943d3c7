"""The host's settings without its `LOGGING`: a server logs as it does by itself."""

from config.settings import *  # noqa: F403

LOGGING = {}
