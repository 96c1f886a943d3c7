"""How the text of a variable becomes a value.

As telemetry's own parsers: each function says what it wanted instead, so that
the message needs no documentation.
"""

import os
from pathlib import Path

from config.domain_names import is_domain_name


class UnwantedError(ValueError):
    """Carries what was wanted instead of the value given."""


def positive(value: str) -> int:
    """Read a number of things. Raises UnwantedError."""
    # A billion of anything is a mistake, and int() refuses thousands of digits.
    if value.isascii() and value.isdigit() and len(value) < 10 and int(value) >= 1:
        return int(value)
    raise UnwantedError("a whole number, 1 or more")


def readable_folder(value: str) -> Path:
    """Read a folder's path, of one that may come to exist later. Raises UnwantedError."""
    # Missing is fine: a host without sites is a home page, and `demo_sites`
    # creates the folder.
    path = Path(value).absolute()
    if path.exists() and not (path.is_dir() and os.access(path, os.R_OK | os.X_OK)):
        raise UnwantedError("a readable folder, or one that doesn't exist yet")
    return path


def domains(value: str) -> tuple[str, ...]:
    """Read a comma list of host names. Raises UnwantedError."""
    names = [name.strip().lower() for name in value.split(",")]
    found = tuple(dict.fromkeys(name for name in names if name))
    if not found or not all(is_domain_name(name) for name in found):
        raise UnwantedError("host names without port, separated by commas")
    return found


def plugins_folder(value: str) -> Path:
    """Read the path of a folder with plugins in it. Raises UnwantedError."""
    # djp loads nothing, silently, from a folder that isn't there, and then
    # every site of the host is gone without a word.
    path = Path(value).absolute()
    if not any(path.glob("*.py")):
        raise UnwantedError("a folder that holds the host's djp plugins (*.py)")
    return path
