"""The host's settings without `LOGGING`: the server logs with its defaults."""

from config.settings import *  # noqa: F403

LOGGING = {}
