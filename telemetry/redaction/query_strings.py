"""The part of an address behind its question mark: names stay, values go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telemetry.registry.redaction import REDACTED_IN_URL

if TYPE_CHECKING:
    from collections.abc import Container

MAX_PARAMETERS = 64
MAX_NAME = 64

# Within any text: from a question mark up to what ends an address there.
_IN_TEXT = re.compile(r"\?([^\s?#=\"'<>]*+=[^\s#\"'<>]*+)")
# A column, a format, a number.
_NAME = re.compile(r"[\w.,~:+-]{0,64}")


def without_values(query: str, kept: Container[str]) -> str:
    """A query string without its values, but for those of parameters in ``kept``.

    What has no name is a value.
    """
    parts = query.split("&", MAX_PARAMETERS)
    shown = [_without_value(part, kept) for part in parts[:MAX_PARAMETERS]]
    return "&".join([*shown, "…"] if len(parts) > MAX_PARAMETERS else shown)


def without_values_in(text: str, kept: Container[str]) -> str:
    """Any text, with the query strings of the addresses in it so treated."""
    return _IN_TEXT.sub(lambda match: f"?{without_values(match[1], kept)}", text)


def _without_value(part: str, kept: Container[str]) -> str:
    name, separator, value = part.partition("=")
    if not separator:
        return REDACTED_IN_URL if name else name
    name = name[:MAX_NAME]
    if not value or (name in kept and _NAME.fullmatch(value)):
        return f"{name}={value}"
    return f"{name}={REDACTED_IN_URL}"
