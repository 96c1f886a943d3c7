"""Converts DATABASE_URL to Django's settings."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dj_database_url

from config.values import UnwantedError

# A visitor may be waiting: once in two seconds, a request reads the registered
# sites. libpq's default is to wait for minutes.
CONNECT_SECONDS = 3

_WANTED = (
    "sqlite:///PATH (absolute: sqlite:////PATH) or postgres://USER:PASSWORD@HOST:PORT/NAME, "
    "special characters in it percent-encoded"
)
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


def database(value: str) -> Mapping[str, Any]:
    """Parse a database's address into Django's settings for it. Raises UnwantedError."""
    scheme = value.partition("://")[0].lower()
    if scheme not in ("sqlite", "postgres", "postgresql"):
        raise UnwantedError(_WANTED)
    try:
        settings: dict[str, Any] = dict(dj_database_url.parse(value))
    except ValueError:
        # The parser's message is not used, since it may quote a password.
        raise UnwantedError(_WANTED) from None
    return _sqlite(settings) if scheme == "sqlite" else _postgres(settings)


def without_secrets(value: str) -> str:
    """Return the part of an address that contains no secret, even if the address is malformed."""
    if value.lower().startswith("sqlite://"):
        return repr(value)
    # Everything after the scheme is hidden, not only the part between `:` and `@`: the
    # error may be a password with an unescaped `/` or `@`, or one in the query.
    scheme = _SCHEME.match(value)
    return f"'{scheme[0]}(hidden)'" if scheme else "(hidden)"


def _sqlite(settings: dict[str, Any]) -> Mapping[str, Any]:
    name = settings["NAME"]
    # The text before the third slash would be parsed as a host, and lost.
    if settings.get("HOST") or not name or name.startswith(":"):
        raise UnwantedError(_WANTED)
    path = Path(name).absolute()
    if not path.parent.is_dir() or path.is_dir():
        raise UnwantedError(f"a file in an existing folder (this one would be {path})")
    return {**settings, "NAME": path}


def _postgres(settings: dict[str, Any]) -> Mapping[str, Any]:
    if not settings["NAME"]:
        raise UnwantedError(_WANTED)
    options = {"connect_timeout": CONNECT_SECONDS, **settings.get("OPTIONS", {})}
    return {**settings, "OPTIONS": options}
