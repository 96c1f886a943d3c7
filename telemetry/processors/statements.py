"""What two statements have in common that differ in names and values only."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_TEXT = 4096

# Strings, names in any of SQLite's quotes, numbers, parameters, words; the rest is kept as it is.
_TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]|`(?:[^`]|``)*`|[:@$?]\w*|\d[\w.]*|[^\W\d]\w*|\s+"
)
# Of https://www.sqlite.org/lang_keywords.html those that make a statement what it is.
_KEYWORDS = frozenset(
    {
        *("ALL", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "COLLATE"),
        *("COUNT", "CREATE", "DELETE", "DESC", "DISTINCT", "DROP", "ELSE", "END"),
        *("EXCEPT", "EXISTS", "FROM", "GLOB", "GROUP", "HAVING", "IN", "INDEX"),
        *("INNER", "INSERT", "INTERSECT", "INTO", "IS", "JOIN", "LEFT", "LIKE"),
        *("LIMIT", "MATCH", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER"),
        *("OUTER", "OVER", "PRAGMA", "RECURSIVE", "REPLACE", "SELECT", "SET", "TABLE"),
        *("THEN", "UNION", "UPDATE", "VALUES", "WHEN", "WHERE", "WITH"),
    }
)


# Datasette asks the same questions on every page: a thousand of them cover its
# pages of any number of tables that one process shows in a minute.
@lru_cache(maxsize=1024)
def shape_of(text: str) -> str:
    """A statement with ``?`` for each name and value: the same for each column of a facet.

    For counting alike ones, not for reading: it keeps no name at all.
    """
    return _TOKEN.sub(_general, text[:MAX_TEXT])


def _general(match: re.Match[str]) -> str:
    token = match[0]
    if token.isspace():
        return " "
    word = token.upper()
    return word if word in _KEYWORDS else "?"
