"""Values of variables, one function a type. Each raises ValueError saying what it wants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

TRUE = frozenset({"1", "true", "yes", "on", "t", "y"})
FALSE = frozenset({"0", "false", "no", "off", "f", "n", ""})

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)", re.IGNORECASE)
# RFC 9110's token, the only thing a header's name can be.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def boolean(value: str) -> bool:
    """``true`` or ``false``, and their usual synonyms."""
    lowered = value.strip().lower()
    if lowered in TRUE:
        return True
    if lowered in FALSE:
        return False
    raise ValueError("true or false")


def names(value: str) -> tuple[str, ...]:
    """A comma list; case, blanks, repetitions and a trailing comma are forgiven."""
    return tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))


def items(value: str) -> tuple[str, ...]:
    """A comma list whose items keep their case."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def choice(value: str, known: Iterable[str]) -> str:
    """One of a closed set, whatever its case."""
    lowered = value.strip().lower()
    known = tuple(known)
    if lowered not in known:
        raise ValueError(f"one of {', '.join(known)}")
    return lowered


def seconds(value: str) -> float:
    """A duration such as ``250ms`` or ``2s``."""
    match = _DURATION.fullmatch(value.strip())
    if not match:
        raise ValueError("a duration such as 250ms or 2s")
    number = float(match[1])
    return number / 1000 if match[2].lower() == "ms" else number


def number(value: str, *, least: float = 0.0, most: float = float("inf")) -> float:
    """A number within bounds."""
    span = (
        f"a number of at least {least:g}"
        if most == float("inf")
        else (f"a number from {least:g} to {most:g}")
    )
    try:
        parsed = float(value.strip())
    except ValueError:
        raise ValueError(span) from None
    if not least <= parsed <= most:
        raise ValueError(span)
    return parsed


def whole(value: str, *, least: int = 0) -> int:
    """A whole number."""
    if not re.fullmatch(r"[0-9]{1,18}", value.strip()) or int(value) < least:
        raise ValueError(f"a whole number of at least {least}")
    return int(value)


def url(value: str) -> str:
    """An address with http or https, a host, and a port that is one."""
    wanted = "an address such as http://localhost:4318"
    text = value.strip()
    try:
        parts = urlsplit(text)
        port_is_sane = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_sane:
        raise ValueError(wanted)
    if re.search(r"\s", text):
        raise ValueError(f"{wanted}, without blanks")
    return text


def pairs(value: str) -> dict[str, str]:
    """``key=value,key=value``, values percent-decoded (W3C Baggage's form).

    The error counts the items instead of quoting them: headers hold tokens.
    """
    found: dict[str, str] = {}
    for index, item in enumerate(value.split(","), start=1):
        if not item.strip():
            continue
        key, separator, text = item.partition("=")
        if not separator or not key.strip():
            raise ValueError(f"key=value,key=value; item {index} has no key or no '='")
        found[unquote(key.strip())] = unquote(text.strip())
    return found


def headers(value: str) -> dict[str, str]:
    """As `pairs`, each key a header's name; names come back in lower case."""
    found = {key.lower(): text for key, text in pairs(value).items()}
    for index, (key, text) in enumerate(found.items(), start=1):
        if not _TOKEN.fullmatch(key):
            raise ValueError(f"header-name=value,...; item {index}'s name is not a header's")
        if "\r" in text or "\n" in text:
            raise ValueError(f"header-name=value,...; item {index}'s value breaks the line")
    return found


def readable_file(value: str) -> str:
    """The path of a file that can be opened."""
    try:
        with Path(value).open("rb"):
            return value
    except OSError as error:
        raise ValueError(f"a readable file ({error.strerror})") from None


def patterns(value: str) -> str:
    """A comma list of regular expressions, without those that are empty: they match everything."""
    # The list too: it is compiled as one, where flags and groups may clash.
    for item in (*items(value), "|".join(items(value))):
        try:
            re.compile(item)
        except re.error as error:
            raise ValueError(f"regular expressions; {item!r} is none: {error}") from None
    return ",".join(items(value))
