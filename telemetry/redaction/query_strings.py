"""Redacts query strings: names stay, values are replaced."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from telemetry.redaction.bounds import CUT, bounded
from telemetry.redaction.named import content_of_string, end_of_brackets
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
# What holds a query string without a question mark: `'query_string': b'…'`, `QUERY_STRING=…`,
# `QueryParams('…')`, and Django's `<QueryDict: {'…': ['…']}>`.
_NAMED = re.compile(
    r"[qQuU](?:(?:(?<=[qQ])(?i:uery[_ -]?(?:string|params))|(?<=[uU])(?i:rl[._]query))"
    r"(?:\\{0,7}[\"']|&(?:quot|#x27|#39);)?\]?\s{0,4}(?::\s?(?:str|bytes)\s?=|=>|[=:]|(?P<listed>[,(]))\s{0,4}"
    r"(?:[bB]?(?P<entity>&(?:quot|#x27|#39);)"
    r"|(?=[bBuU]?\\{0,7}[\"']|(?(listed)(?!)|[^\s\"'<>=&(]{1,64}=)))"
    r"|(?<=[qQ])(?i:uerydict): (?P<fields>\{))"
)
_PLAIN = re.compile(r"[^\s\"'<>]*[^\s\"'<>,;)\]}]")
# Python writes long bytes as several, one below the other.
_CONTINUED = re.compile(r"\\{0,7}[\"']\r?\n\s{1,100}(?=[bB]?\\{0,7}[\"'])")
_VALUES = re.compile(r"\\{0,7}[\"']: \[(?P<quote>\\{0,7}[\"'])")
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


def without_named_values(text: str, kept: Container[str]) -> str:
    """A text with the query strings redacted that stand behind a name such as `QUERY_STRING`."""
    parts: list[str] = []
    at = 0
    for _ in range(_MAX_QUERIES):
        found = _NAMED.search(text, at)
        if found is None:
            break
        parts.append(text[at : found.end()])
        if found["fields"]:
            shown, at = _without_fields(text, found.end(), kept)
            parts.append(shown)
        else:
            begin, stop = _query_at(text, found.end(), found["entity"])
            parts += (text[found.end() : begin], without_values(text[begin:stop], kept))
            at = stop
    else:
        return f"{''.join(parts)}{CUT}"
    return "".join((*parts, text[at:])) if parts else text


def _query_at(text: str, at: int, entity: str | None) -> tuple[int, int]:
    """Where the query string that begins there begins and ends, behind a quote of HTML or not."""
    if entity is not None:
        # Not decoded: the query may have a quote that is percent-encoded.
        stop = text.find(entity, at)
        return at, stop if stop >= 0 else _line_end(text, at)
    content = content_of_string(text, at)
    if content is None:
        plain = _PLAIN.match(text, at)
        return at, plain.end() if plain else at
    begin, stop = content
    for _ in range(MAX_PARAMETERS):
        following = _CONTINUED.match(text, stop)
        content = content_of_string(text, following.end()) if following else None
        if content is None:
            return begin, stop
        stop = content[1]
    return begin, _line_end(text, stop)


def _without_fields(text: str, at: int, kept: Container[str]) -> tuple[str, int]:
    """The fields of a `QueryDict` from there on, with their values replaced, and their end."""
    parts: list[str] = []
    for _ in range(MAX_PARAMETERS):
        name = content_of_string(text, at)
        values = _VALUES.match(text, name[1]) if name else None
        if name is None or values is None:
            break
        stop = end_of_brackets(text, values.start("quote") - 1)
        quote, field = values["quote"], text[name[0] : name[1]]
        value = text[values.end() : stop].removesuffix(f"{quote}]")
        if len(field) > MAX_NAME:
            field = REDACTED_IN_URL
        if field not in kept or not _NAME.fullmatch(value):
            value = REDACTED_IN_URL
        parts.append(f"{text[at : name[0]]}{field}{values[0]}{value}{quote}]")
        at = stop
        if not text.startswith(", ", at):
            break
        parts.append(", ")
        at += 2
    else:
        parts.append("…")
        at = _line_end(text, at)
    return "".join(parts), at


def _line_end(text: str, at: int) -> int:
    stop = text.find("\n", at)
    return stop if stop >= 0 else len(text)


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
