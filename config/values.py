"""Parsers of variables.

As telemetry's parsers, each states the wanted format in its error, so that
the message needs no documentation.
"""

import os
from pathlib import Path

from config.domain_names import is_domain_name


class UnwantedError(ValueError):
    """An invalid value. The message is the wanted format."""


def positive(value: str) -> int:
    """Parse a whole number, at least 1. Raises UnwantedError."""
    # Larger numbers are mistakes, and int() refuses thousands of digits.
    if value.isascii() and value.isdigit() and len(value) < 10 and int(value) >= 1:
        return int(value)
    raise UnwantedError("a whole number, 1 or more")


def readable_folder(value: str) -> Path:
    """Parse the path of a folder, which need not exist yet. Raises UnwantedError."""
    # It may be missing: a host without sites has only a home page, and `demo_sites`
    # creates the folder.
    path = Path(value).absolute()
    if path.exists() and not (path.is_dir() and os.access(path, os.R_OK | os.X_OK)):
        raise UnwantedError("a readable folder, or one that doesn't exist yet")
    return path


def domains(value: str) -> tuple[str, ...]:
    """Parse a comma list of host names. Raises UnwantedError."""
    names = [name.strip().lower() for name in value.split(",")]
    found = tuple(dict.fromkeys(name for name in names if name))
    if not found or not all(is_domain_name(name) for name in found):
        raise UnwantedError("host names without port, separated by commas")
    return found


def plugins_folder(value: str) -> Path:
    """Parse the path of a folder with plugins in it. Raises UnwantedError."""
    # From a missing folder djp loads nothing, without an error, and then no site
    # of the host is served.
    path = Path(value).absolute()
    if not any(path.glob("*.py")):
        raise UnwantedError("a folder that holds the host's djp plugins (*.py)")
    return path
