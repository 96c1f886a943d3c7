"""LOG_FORMAT and LOGLEVEL: what is logged, and in which form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from telemetry.exceptions import ConfigurationError
from telemetry.settings import identity, parse
from telemetry.settings import variables as v
from telemetry.settings.model import RedactionSettings
from telemetry.settings.reader import Reader
from telemetry.settings.redaction import read_redaction

if TYPE_CHECKING:
    from collections.abc import Mapping

LogFormat = Literal["json", "text"]

LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
_SYNONYMS = {"WARN": "WARNING", "FATAL": "CRITICAL"}


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How log lines are written. Levels are Python's names."""

    format: LogFormat = "json"
    level: str = "INFO"
    levels: Mapping[str, str] = field(default_factory=dict)
    """By logger, where they differ."""
    release: str = "development"
    color: bool = True
    redaction: RedactionSettings = field(default_factory=RedactionSettings)


def read_log_settings(environ: Mapping[str, str], *, debug: bool | None) -> LogSettings:
    """Read what concerns log lines.

    Raises:
        ConfigurationError: naming every variable that can't be understood.
    """
    reader = Reader(environ)
    debug = identity.is_debug(reader) if debug is None else debug
    everything = ("INFO", dict[str, str]())
    level, levels = reader.parsed(_levels, everything, v.LOG_LEVEL)
    no_attributes: dict[str, str] = {}
    # A problem with it is `configure`'s to tell.
    attributes = Reader(environ).parsed(parse.pairs, no_attributes, v.RESOURCE_ATTRIBUTES)
    default: LogFormat = "text" if debug else "json"
    chosen = reader.parsed(
        lambda value: parse.choice(value, ("json", "text")), default, v.LOG_FORMAT
    )
    settings = LogSettings(
        format=cast("LogFormat", chosen),
        level=level,
        levels=levels,
        release=identity.read_release(reader, attributes),
        color=reader.text(v.NO_COLOR) is None,
        redaction=read_redaction(reader),
    )
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return settings


def _levels(value: str) -> tuple[str, dict[str, str]]:
    level, levels = "INFO", {}
    for item in parse.items(value):
        name, separator, given = item.rpartition("=")
        known = _SYNONYMS.get(given.strip().upper(), given.strip().upper())
        if known not in LEVELS or (separator and not name.strip()):
            raise ValueError(f"one of {', '.join(LEVELS)}, and logger=LEVEL after a comma")
        if separator:
            levels[name.strip()] = known
        else:
            level = known
    return level, levels
