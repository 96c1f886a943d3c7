"""Redacts SQL: literals and comments are removed, names and structure stay.

Follows SQLite's rules (https://www.sqlite.org/lang_expr.html, "Literal Values")
and uses no library: clients send invalid statements, and sqlparse and sqlglot
keep an unterminated string, or one in double quotes (decision 0010).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# An unterminated string or comment, also one that was truncated, extends to the end.
_TOKEN = re.compile(
    r"(?P<literal>[xX]?'[^']*+(?:''[^']*+)*+(?:'|\Z))"
    r"|(?P<quoted>\"[^\"]*+(?:\"\"[^\"]*+)*+(?:\"|\Z))"
    r"|(?P<comment>--[^\n]*+|/\*.*?(?:\*/|\Z))"
    r"|(?P<name>`[^`]*+(?:``[^`]*+)*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z)|[:@$?#]\w++)"
    r"|(?<!\w)(?P<number>0[xX][0-9a-fA-F_]++|(?:\d[\d_]*+\.?[\d_]*+|\.\d[\d_]*+)(?:[eE][+-]?\d++)?)",
    re.DOTALL,
)
# SQLite reads double quotes as a name, or as a string if no column has that name
# (https://www.sqlite.org/quirks.html#dblquote). It is a name where only a name is allowed.
_BEFORE_A_NAME = re.compile(
    r"(?:\b(?:from|join|into|update|table|index|view|as)|\.)\s*\Z", re.IGNORECASE
)
_LOOKBEHIND = 24
_LIST = re.compile(r"\b(in)\s*+\(\s*+\?(?:\s*+,\s*+\?)++\s*+\)", re.IGNORECASE)
# The text before and after a quotation of a statement or a search in SQLite's messages.
_QUOTED = (
    ('near "', '": syntax error'),
    ('syntax error near "', '"'),
    ("JSON path error near '", "'"),
    ("bad JSON path: '", "'"),
)
# Quotes the rest of the statement, with line breaks and quotes: ends at the last quote.
_REST = 'unrecognized token: "'


def without_literals(statement: str) -> str:
    """The statement with ``?`` for each literal and each list of literals, without comments."""
    found = _TOKEN.sub(_general, statement)
    return _LIST.sub(r"\1 (?)", found) if "?" in found else found


def without_quotations(message: str) -> str:
    """A text with the quotations of statements in SQLite's messages replaced."""
    for begin, end in _QUOTED:
        if begin in message:
            message = "".join(_without_each(message, begin, end))
    start = message.find(_REST)
    if start < 0:
        return message
    start += len(_REST)
    stop = message.rfind('"', start)
    return f"{message[:start]}?{message[stop:] if stop >= 0 else ''}"


def _without_each(text: str, begin: str, end: str) -> Iterator[str]:
    at = 0
    while (start := text.find(begin, at)) >= 0:
        start += len(begin)
        stop = text.find(end, start)
        if stop < 0:
            break
        yield f"{text[at:start]}?"
        at = stop
    yield text[at:]


def _general(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "comment":
        return " "
    if kind == "name":
        return match[0]
    if kind == "quoted" and _is_a_name(match):
        return match[0]
    return "?"


def _is_a_name(match: re.Match[str]) -> bool:
    text, end = match.string, match.end()
    if text.startswith(".", end):
        return True
    return bool(_BEFORE_A_NAME.search(text[max(0, match.start() - _LOOKBEHIND) : match.start()]))
