"""What is redacted: kinds of private data, and the values of secret variables."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from telemetry.registry.contents import is_credential
from telemetry.settings import passed_on
from telemetry.settings import variables as v
from telemetry.settings.model import RedactionSettings
from telemetry.settings.variable import declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from telemetry.settings.reader import Reader

# Shorter values are often words. Replacing those everywhere would make logs unreadable.
MIN_SECRET = 8

# The two of POSIX, and those of login managers.
_OF_THE_SHELL = {"PWD", "OLDPWD", "DESKTOP_SESSION", "GDMSESSION", "SESSION_MANAGER"}


def read_redaction(reader: Reader) -> RedactionSettings:
    """Read TELEMETRY_REDACT, and collect the secrets among all variables."""
    with reader.setting("redaction"):
        kinds = reader.get(v.REDACT)
    return RedactionSettings(kinds, tuple(sorted(set(_secrets(reader.environ)), key=_longest)))


def _secrets(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of secret variables: those of this layer, the host and other programs."""
    ours = {str(variable) for variable in declared(v, passed_on) if variable.secret}
    for name, value in environ.items():
        if name in ours or name.endswith("_HEADERS"):
            yield from _parts(value)
        elif is_credential(name) and not _of_the_shell(name):
            yield from _long_enough(value)
        elif "://" in value:
            yield from _passwords(value)


def _of_the_shell(name: str) -> bool:
    """Whether a shell or a desktop sets the variable, which never contains a secret.

    Otherwise the path of the working folder would be redacted in every traceback.
    """
    return name in _OF_THE_SHELL or name.startswith("XDG_")


def _parts(value: str) -> Iterator[str]:
    """Yield the items of a list, the values of headers, and the password of an address."""
    if "://" in value:
        yield from _passwords(value)
        return
    for item in value.split(","):
        header = item.partition("=")[2]
        # Header values are percent-encoded, says the specification; most begin with a scheme.
        for each in (item, header, unquote(header), unquote(header).rpartition(" ")[2]):
            yield from _long_enough(each)


def _passwords(value: str) -> Iterator[str]:
    try:
        parts = urlsplit(value)
        found = (parts.password or parts.username) if "@" in parts.netloc else None
    except ValueError:
        return
    yield from _long_enough(found or "")


def _long_enough(value: str) -> Iterator[str]:
    if len(value.strip()) >= MIN_SECRET:
        yield value.strip()


def _longest(secret: str) -> int:
    # The longest first: one secret may be the beginning of another.
    return -len(secret)
