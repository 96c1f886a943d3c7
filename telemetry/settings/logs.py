"""LOG_FORMAT and LOGLEVEL: the levels and the format of log lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telemetry.settings import identity
from telemetry.settings import variables as v
from telemetry.settings.read import read_settings
from telemetry.settings.reader import Reader
from telemetry.settings.redaction import read_redaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.settings.model import LogFormat, RedactionSettings


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Format and levels of log lines. Levels are Python's names."""

    format: LogFormat
    level: str
    levels: Mapping[str, str]
    """Levels by logger, where they differ from the general one."""
    release: str
    color: bool
    redaction: RedactionSettings


def read_log_settings(environ: Mapping[str, str], *, debug: bool | None) -> LogSettings:
    """Read the variables that concern log lines.

    Raises:
        ConfigurationError: Names every variable whose value is invalid.
    """
    reader = Reader(environ, debug)
    levels = reader.get(v.LOG_LEVEL)
    # A problem with this variable is reported by `configure`.
    attributes = Reader(environ).get(v.RESOURCE_ATTRIBUTES)
    given = reader.get(v.LOG_FORMAT)
    settings = LogSettings(
        format=given if given is not None else "text" if reader.debug else "json",
        level=levels.general or v.LOG_LEVEL.default.general,
        levels=levels.loggers,
        release=identity.read_release(reader, attributes),
        color=not reader.get(v.NO_COLOR),
        redaction=read_redaction(reader),
    )
    if reader.problems:
        # With those of all other variables, which `configure` has not read yet.
        read_settings(environ, debug=debug)
    return settings
