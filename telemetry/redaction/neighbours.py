"""Credentials that are named by what stands beside them: in a list, or in the same dictionary.

As `telemetry.redaction.named` finds them in texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from telemetry.registry.contents import is_credential
from telemetry.registry.redaction import REDACTED

if TYPE_CHECKING:
    from collections.abc import Mapping

# The name of a header, a field or a variable, and not a sentence.
_NAME = re.compile(r"[^\s=:,;()]{1,64}[:=]?")
_OPTION = re.compile(r"--?[\w.-]{1,64}")
# As curl and others take them: see `telemetry.redaction.addresses`.
_USER_OPTIONS = {"-u", "-user", "--user", "--proxy-user"}
_PAIR = 2
# Keys of an item that has its name and its value under keys of their own, in small letters: of
# Django's and Pydantic's errors, of captured requests, of a container's environment.
_NAMES = {"name", "key", "id", "field", "header", "parameter", "variable", "option", "loc"}
_VALUES = {"value", "values", "val", "content", "input", "default"}


def replaced(value: Any) -> Any:
    """What takes the place of a credential. A list stays a list, of an unknown length."""
    return [REDACTED] if isinstance(value, list | tuple) else REDACTED


def without_marked(items: Sequence[Any]) -> Sequence[Any]:
    """The items without credentials that the item in front of them names.

    These are the second item of a pair, as in `["x-api-key", …]`, and what follows an option, as
    in `["--password", …]` or `["-u", "bob:…"]`. Returns the same object if there are none.
    """
    found: list[Any] | None = None
    for index in range(1, len(items)):
        item = items[index]
        if item is None or isinstance(item, bool):
            continue
        shown = _behind(_text(items[index - 1]), item, is_second=len(items) == _PAIR)
        if shown is not item:
            found = [*items] if found is None else found
            found[index] = shown
    return items if found is None else found


def has_named_value(mapping: Mapping[Any, Any]) -> bool:
    """Whether the mapping names a credential, as `{"name": "password", "value": …}` does."""
    return any(
        isinstance(key, str) and key.lower() in _NAMES and _names_credential(_text(_last(value)))
        for key, value in mapping.items()
    )


def is_value_of_name(key: Any) -> bool:
    """Whether the value of a mapping that has a name is under this key."""
    return isinstance(key, str) and key.lower() in _VALUES


def _behind(before: str, item: Any, *, is_second: bool) -> Any:
    if before.startswith("-") and _OPTION.fullmatch(before):
        text = _text(item)
        if before in _USER_OPTIONS:
            user, colon, password = text.partition(":")
            # Numbers are those of a user and a group.
            return item if not password or password.isdigit() else f"{user}{colon}{REDACTED}"
        is_value = is_credential(before.lstrip("-")) and not text.startswith("-")
        return replaced(item) if is_value else item
    return replaced(item) if is_second and _names_credential(before) else item


def _names_credential(text: str) -> bool:
    return bool(_NAME.fullmatch(text)) and is_credential(text.rstrip(":="))


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _last(value: Any) -> Any:
    # Pydantic's place of an error: ("body", "password").
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
    return value[-1] if is_list and value else value
