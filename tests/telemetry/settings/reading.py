"""Reading settings as the tests do: from a mapping, and never from this process."""

from __future__ import annotations

from telemetry.exceptions import ConfigurationError, Problem
from telemetry.settings import Settings, read_settings


def read(_debug: bool | None = None, _default: str | None = "host", /, **environ: str) -> Settings:
    """Settings from the variables given and no others."""
    return read_settings(environ, default_service_name=_default, debug=_debug)


def problems(**environ: str) -> tuple[Problem, ...]:
    """What is wrong with the variables given."""
    try:
        read(**environ)
    except ConfigurationError as error:
        return error.problems
    return ()


def wrong(**environ: str) -> list[str]:
    """The variables that are reported as wrong."""
    return [problem.variable for problem in problems(**environ)]
