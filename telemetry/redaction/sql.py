"""SQL without what was typed into it: literals and comments go, names and structure stay.

By SQLite's rules (https://www.sqlite.org/lang_expr.html, "Literal Values") and
not by a library's: visitors' statements are broken, and sqlparse and sqlglot
pass on a string that does not end, or one in double quotes (decision 0010).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A string or comment that does not end is one to the end, as is one that was cut.
_TOKEN = re.compile(
    r"(?P<literal>[xX]?'[^']*+(?:''[^']*+)*+(?:'|\Z))"
    r"|(?P<quoted>\"[^\"]*+(?:\"\"[^\"]*+)*+(?:\"|\Z))"
    r"|(?P<comment>--[^\n]*+|/\*.*?(?:\*/|\Z))"
    r"|(?P<name>`[^`]*+(?:``[^`]*+)*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z)|[:@$?#]\w++)"
    r"|(?<!\w)(?P<number>0[xX][0-9a-fA-F_]++|(?:\d[\d_]*+\.?[\d_]*+|\.\d[\d_]*+)(?:[eE][+-]?\d++)?)",
    re.DOTALL,
)
# In double quotes a name, unless no column has it: then SQLite takes it for a string
# (https://www.sqlite.org/quirks.html#dblquote). Where only a name can be, it is one.
_BEFORE_A_NAME = re.compile(
    r"(?:\b(?:from|join|into|update|table|index|view|as)|\.)\s*\Z", re.IGNORECASE
)
_REACH = 24
_LIST = re.compile(r"\b(in)\s*+\(\s*+\?(?:\s*+,\s*+\?)++\s*+\)", re.IGNORECASE)
# What SQLite's messages quote of a statement or of a search: its beginning, and its end.
_QUOTED = (
    ('near "', '": syntax error'),
    ('syntax error near "', '"'),
    ("JSON path error near '", "'"),
    ("bad JSON path: '", "'"),
)
# The rest of the statement, line breaks and quotes among it: up to the last one.
_REST = 'unrecognized token: "'


def without_literals(statement: str) -> str:
    """The statement with ``?`` for each literal and for each list of them, and no comments."""
    found = _TOKEN.sub(_general, statement)
    return _LIST.sub(r"\1 (?)", found) if "?" in found else found


def without_quotations(message: str) -> str:
    """A message of SQLite's, or any text with one in it, without what it quotes of a statement."""
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
    return bool(_BEFORE_A_NAME.search(text[max(0, match.start() - _REACH) : match.start()]))
