"""The host's settings as if they did not call `telemetry.logging_config`."""

from config.settings import *  # noqa: F403
from telemetry.state import state

LOGGING = {}
# They have called it.
state.own_log_lines = False
