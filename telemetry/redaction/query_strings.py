"""Redacts query strings: names stay, values are replaced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telemetry.redaction.bounds import bounded
from telemetry.registry.redaction import REDACTED_IN_URL

if TYPE_CHECKING:
    from collections.abc import Container

MAX_PARAMETERS = 64
MAX_NAME = 64
_MAX_QUERIES = 512

# A word with a question mark in it: between apostrophes, as in `repr`, or up to white space, a
# quotation mark or an angle bracket, since a URL may contain an apostrophe.
_IN_TEXT = re.compile(
    r"(?:(?<=')([^\s?\"'<>]*+)\?([^\s\"'<>]++)|(?<![^\s\"'<>])([^\s?\"'<>]*+)\?([^\s\"<>]++))"
)
# Values that may be kept: a column, a format, a number.
_NAME = re.compile(r"[\w.,~:+-]{0,64}")


def without_values(query: str, kept: Container[str]) -> str:
    """A query string with its values replaced, except those of parameters in ``kept``.

    A part without ``=`` counts as a value.
    """
    parts = query.split("&", MAX_PARAMETERS)
    shown = [_without_value(part, kept) for part in parts[:MAX_PARAMETERS]]
    return "&".join([*shown, "…"] if len(parts) > MAX_PARAMETERS else shown)


def without_values_in(text: str, kept: Container[str]) -> str:
    """A text with the query strings of its URLs redacted."""

    def shown(match: re.Match[str]) -> str:
        before, query = match[1] or match[3] or "", match[2] or match[4]
        if "/" not in before and "=" not in query:
            # A question mark in a sentence.
            return match[0]
        query, hash_, fragment = query.partition("#")
        return f"{before}?{without_values(query, kept)}{hash_}{fragment}"

    return bounded(_IN_TEXT, shown, text, _MAX_QUERIES)


def _without_value(part: str, kept: Container[str]) -> str:
    name, separator, value = part.partition("=")
    if not separator:
        return REDACTED_IN_URL if name else name
    if len(name) > MAX_NAME:
        # Not its beginning, which may be half a credential.
        name = REDACTED_IN_URL
    if not value or (name in kept and _NAME.fullmatch(value)):
        return f"{name}={value}"
    return f"{name}={REDACTED_IN_URL}"
