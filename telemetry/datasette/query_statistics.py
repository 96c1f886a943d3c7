"""What queries that are not spans of their own took, as attributes of the span above them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from telemetry.registry import attributes as a

COSTLIEST = 5
MAX_STATEMENT = 256
# So many alike within one request are one query in a loop.
REPEATED = 5
MAX_REPEATED = 3
MAX_DATABASES = 16
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Query:
    """One query. Times are nanoseconds."""

    statement: str
    """Its SQL, or the name of the function that was run with the connection."""
    database: str
    execution: int
    waiting: int
    """For a thread, or for the writes before it."""
    rows: int = 0
    suppressed: bool = False
    """It failed, as its caller expected it might."""
    interrupted: bool = False
    """It ran into a time limit, as its caller expected it might."""


@dataclass(slots=True)
class _Sum:
    count: int = 0
    execution: int = 0
    longest: int = 0

    def add(self, execution: int) -> None:
        self.count += 1
        self.execution += execution
        self.longest = max(self.longest, execution)


class Details:
    """How many statements all open accounts together may tell apart."""

    def __init__(self, room: int) -> None:
        self._room = room

    def take(self) -> bool:
        """Whether there is room for one more."""
        if self._room <= 0:
            return False
        self._room -= 1
        return True

    def give_back(self, number: int) -> None:
        """Let others have the room of an account that is closed."""
        self._room += number


@dataclass(slots=True)
class QueryStatistics:
    """Sums of queries, those of each database and of each statement. Not thread-safe."""

    details: Details
    total: _Sum = field(default_factory=_Sum)
    waiting: int = 0
    longest_wait: int = 0
    rows: int = 0
    suppressed: int = 0
    interrupted: int = 0
    databases: dict[str, _Sum] = field(default_factory=dict)
    statements: dict[str, _Sum] = field(default_factory=dict)

    def add(self, query: Query) -> None:
        """Count a query."""
        self.total.add(query.execution)
        self.waiting += query.waiting
        self.longest_wait = max(self.longest_wait, query.waiting)
        self.rows += query.rows
        self.suppressed += query.suppressed
        self.interrupted += query.interrupted
        database = query.database
        if database not in self.databases and len(self.databases) >= MAX_DATABASES:
            database = OTHER
        self.databases.setdefault(database, _Sum()).add(query.execution)
        known = self.statements.get(query.statement)
        if known is None and self.details.take():
            known = self.statements[query.statement] = _Sum()
        if known is not None:
            known.add(query.execution)

    def close(self) -> None:
        """Give back the room that its details take."""
        self.details.give_back(len(self.statements))
        self.statements = {}

    def attributes(self) -> dict[str, Any]:
        """The account in the names of the registry; parallel lists, the costliest first."""
        if not self.total.count:
            return {}
        found: dict[str, Any] = {
            a.QUERIES: self.total.count,
            a.QUERIES_EXECUTION: _seconds(self.total.execution),
            a.QUERIES_WAITING: _seconds(self.waiting),
            a.QUERIES_LONGEST: _seconds(self.total.longest),
            a.QUERIES_LONGEST_WAIT: _seconds(self.longest_wait),
            a.QUERIES_ROWS: self.rows,
        }
        if self.suppressed:
            found[a.QUERIES_SUPPRESSED] = self.suppressed
        if self.interrupted:
            found[a.QUERIES_INTERRUPTED] = self.interrupted
        databases = _costliest(self.databases)
        found[a.DATABASES] = [name for name, _ in databases]
        found[a.DATABASES_COUNT] = [total.count for _, total in databases]
        found[a.DATABASES_EXECUTION] = [_seconds(total.execution) for _, total in databases]
        statements = _costliest(self.statements)[:COSTLIEST]
        found[a.STATEMENTS] = [_cut(text) for text, _ in statements]
        found[a.STATEMENTS_COUNT] = [total.count for _, total in statements]
        found[a.STATEMENTS_EXECUTION] = [_seconds(total.execution) for _, total in statements]
        found[a.STATEMENTS_LONGEST] = [_seconds(total.longest) for _, total in statements]
        repeated = self._repeated()
        if repeated:
            found[a.REPEATED] = [_cut(text) for text, _ in repeated]
            found[a.REPEATED_COUNT] = [count for _, count in repeated]
        return found

    def _repeated(self) -> list[tuple[str, int]]:
        """Statements of which there are many alike: one of each sort, and how many."""
        counts: Counter[str] = Counter()
        examples: dict[str, str] = {}
        for text, total in self.statements.items():
            # A function's name has no blanks, and means itself.
            shape = shape_of(text) if " " in text else text
            counts[shape] += total.count
            examples.setdefault(shape, text)
        alike = ((examples[shape], n) for shape, n in counts.most_common() if n >= REPEATED)
        return list(alike)[:MAX_REPEATED]


def _costliest(sums: dict[str, _Sum]) -> list[tuple[str, _Sum]]:
    return sorted(sums.items(), key=lambda item: item[1].execution, reverse=True)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_STATEMENT else f"{line[: MAX_STATEMENT - 1]}…"


def _seconds(nanoseconds: int) -> float:
    return round(nanoseconds / 1e9, 6)


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
