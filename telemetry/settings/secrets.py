"""The operator's secrets among all variables, and texts without them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from telemetry.exceptions import HIDDEN
from telemetry.registry.contents import is_credential
from telemetry.settings import passed_on
from telemetry.settings import variables as v
from telemetry.settings.variable import declared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Shorter values are often words. Replacing those everywhere would make logs unreadable.
MIN_SECRET = 8

# The two of POSIX, and those of login managers.
_OF_THE_SHELL = {"PWD", "OLDPWD", "DESKTOP_SESSION", "GDMSESSION", "SESSION_MANAGER"}
# Of an address the user and the password, which may have any character: the last `@` ends them.
_USER = re.compile(
    r"(?<=//)[^\s@,:/?#]*:\S*@|(?<=//)[^\s/]*@"
    # Without a scheme, which may have been forgotten.
    r"|(?<![^\s,='\"])(?![a-zA-Z][\w+.-]*://|//)[^\s@,:/]*:\S*@"
)
# A parameter of an address or of libpq, an item of a list: `password=…`, `api.key='…'`.
_ITEM = re.compile(
    r"([\w.-]{1,64})(\s*=\s*)('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\{[^{}]*\}|[^\s,;&]+)"
)
# Of HTTP's basic authentication, without an address.
_PAIR = re.compile(r"[^\s:,]+:([^\s:]+)")


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secrets of this layer's variables, the host's and others', the longest first.

    One secret may be the beginning of another.
    """
    return tuple(sorted(dict.fromkeys(_secrets(environ)), key=len, reverse=True))


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return a text to be shown to the operator without secrets, however short they are."""
    text = without(text, secrets)
    if "@" in text:
        text = _USER.sub(f"{HIDDEN}@", text)
    return _ITEM.sub(_without_value, text) if "=" in text else text


def without(text: str, secrets: Iterable[str], given: str = "") -> str:
    """Return a text of ours without the secrets, and without users and passwords of ``given``."""
    for secret in (*secrets, *(match[0] for match in _USER.finditer(given))):
        text = text.replace(secret, HIDDEN)
    return text


def _without_value(match: re.Match[str]) -> str:
    if is_credential(match[1]) and match[3] != HIDDEN:
        return f"{match[1]}{match[2]}{HIDDEN}"
    return match[0]


def _secrets(environ: Mapping[str, str]) -> Iterator[str]:
    ours = {str(variable) for variable in declared(v, passed_on) if variable.secret}
    for name, value in environ.items():
        is_secret = _is_secret(name)
        if name in ours or name.endswith("_HEADERS"):
            yield from _parts(value)
        elif is_secret:
            yield from _long_enough(value)
            yield from _of_addresses(value)
            yield from _of_list(value)
            yield from _of_items(value)
        else:
            if "@" in value or "://" in value:
                yield from _of_addresses(value)
            if "=" in value:
                # The keywords of libpq, the parameters of an address, resource attributes.
                yield from _of_items(value)
        yield from _of_json(value, is_secret=is_secret)


def _is_secret(name: str) -> bool:
    """Whether the variable's name says that it is a secret.

    A shell or a desktop sets variables that never contain one. Otherwise the path of the working
    folder would be redacted in every traceback. Elsewhere, tokens are what models count.
    """
    if name in _OF_THE_SHELL or name.startswith("XDG_"):
        return False
    return is_credential(name) or name.endswith("_TOKENS")


def _parts(value: str) -> Iterator[str]:
    """Yield the items of a list, the values of headers, and the passwords of addresses."""
    if "://" in value:
        yield from _of_addresses(value)
        yield from _of_items(value)
        return
    for item in value.split(","):
        header = item.partition("=")[2]
        # Header values are percent-encoded, says the specification; most begin with a scheme.
        for each in (item, header, unquote(header), unquote(header).rpartition(" ")[2]):
            yield from _long_enough(each)


def _of_addresses(value: str) -> Iterator[str]:
    for match in _USER.finditer(value):
        # A DSN has only a key, before the `@`.
        user, _, password = match[0][:-1].partition(":")
        yield from _long_enough(password or user)


def _of_items(value: str) -> Iterator[str]:
    for match in _ITEM.finditer(value):
        if is_credential(match[1]):
            text = match[3]
            yield from _long_enough(text)
            if text.startswith(("'", '"', "{")):
                yield from _long_enough(re.sub(r"\\(.)", r"\1", text[1:-1]))


def _of_list(value: str) -> Iterator[str]:
    """Yield the items of a list, such as Django's earlier keys, and the password of a user."""
    if "://" in value:
        return
    for item in value.split(","):
        yield from _long_enough(item)
        if pair := _PAIR.fullmatch(item.strip()):
            yield from _long_enough(pair[1])


def _of_json(value: str, *, is_secret: bool) -> Iterator[str]:
    """Yield the secrets of a variable that is a list or an object of JSON, as platforms set it.

    Args:
        value: the variable's.
        is_secret: whether its name says that it is one.
    """
    if value.lstrip()[:1] not in {"[", "{"}:
        return
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return
    yield from _within(found, is_secret and isinstance(found, list))


def _within(value: Any, is_secret: bool) -> Iterator[str]:
    if isinstance(value, str):
        yield from _long_enough(value) if is_secret else _of_addresses(value)
    elif isinstance(value, list):
        for item in value:
            yield from _within(item, is_secret)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _within(item, is_credential(key))


def _long_enough(value: str) -> Iterator[str]:
    if len(value.strip()) >= MIN_SECRET:
        yield value.strip()
