"""Aggregated statistics of folded queries, as attributes of the local root span."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from telemetry.registry import attributes as a

COSTLIEST = 5
MAX_STATEMENT = 256
# A statement that runs this often within one request is reported as repeated.
REPEATED = 5
MAX_REPEATED = 3
MAX_DATABASES = 16
OTHER = "other"


@dataclass(slots=True)
class Query:
    """One query. Times are nanoseconds."""

    statement: str
    """The SQL, or the name of the function that was called with the connection."""
    database: str
    execution: int
    waiting: int
    """Time waiting for a thread or for earlier writes."""
    rows: int = 0
    suppressed: bool = False
    """Whether it failed with an error that its caller suppressed."""
    interrupted: bool = False
    """Whether it reached a time limit that its caller set and handles."""


@dataclass(slots=True)
class _Sum:
    count: int = 0
    execution: int = 0
    longest: int = 0


class Details:
    """Limits the number of distinct statements in all open query statistics together."""

    def __init__(self, room: int) -> None:
        self._room = room

    def take(self) -> bool:
        """Reserve room for one statement; False if there is none."""
        if self._room <= 0:
            return False
        self._room -= 1
        return True

    def give_back(self, number: int) -> None:
        """Release the room of ``number`` statements."""
        self._room += number


@dataclass(slots=True)
class QueryStatistics:
    """Totals of queries: overall, by database and by statement. Not thread-safe."""

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
        """Add a query to the totals."""
        # Runs for each query: without calls, but for what is seen for the first time.
        execution, waiting = query.execution, query.waiting
        self.waiting += waiting
        if waiting > self.longest_wait:
            self.longest_wait = waiting
        self.rows += query.rows
        self.suppressed += query.suppressed
        self.interrupted += query.interrupted
        database = self.databases.get(query.database) or self._database(query.database)
        statement = self.statements.get(query.statement) or self._statement(query.statement)
        for known in (self.total, database, statement):
            known.count += 1
            known.execution += execution
            if execution > known.longest:
                known.longest = execution

    def _database(self, name: str) -> _Sum:
        if len(self.databases) >= MAX_DATABASES:
            name = OTHER
        return self.databases.setdefault(name, _Sum())

    def _statement(self, text: str) -> _Sum:
        if not self.details.take():
            return _Sum()
        self.statements[text] = known = _Sum()
        return known

    def close(self) -> None:
        """Drop the statements and release their room."""
        self.details.give_back(len(self.statements))
        self.statements = {}

    def attributes(self) -> dict[str, Any]:
        """The statistics as span attributes: parallel lists, the longest execution first."""
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
        found[a.STATEMENTS] = [cut_statement(text) for text, _ in statements]
        found[a.STATEMENTS_COUNT] = [total.count for _, total in statements]
        found[a.STATEMENTS_EXECUTION] = [_seconds(total.execution) for _, total in statements]
        found[a.STATEMENTS_LONGEST] = [_seconds(total.longest) for _, total in statements]
        repeated = self._repeated()
        if repeated:
            found[a.REPEATED] = [cut_statement(text) for text, _ in repeated]
            found[a.REPEATED_COUNT] = [count for _, count in repeated]
        return found

    def _repeated(self) -> list[tuple[str, int]]:
        """Shapes of statements that ran at least ``REPEATED`` times: an example and the count."""
        if self.total.count < REPEATED:
            return []
        counts: Counter[str] = Counter()
        examples: dict[str, str] = {}
        for text, total in self.statements.items():
            # The name of a function has no spaces, and is its own shape.
            shape = shape_of(text) if " " in text else text
            counts[shape] += total.count
            examples.setdefault(shape, text)
        alike = ((examples[shape], n) for shape, n in counts.most_common() if n >= REPEATED)
        return list(alike)[:MAX_REPEATED]


def _costliest(sums: dict[str, _Sum]) -> list[tuple[str, _Sum]]:
    return sorted(sums.items(), key=lambda item: item[1].execution, reverse=True)


def cut_statement(text: str) -> str:
    """Return a statement as the statistics have it: in one line, of at most `MAX_STATEMENT`."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_STATEMENT else f"{line[: MAX_STATEMENT - 1]}…"


def _seconds(nanoseconds: int) -> float:
    return round(nanoseconds / 1e9, 6)


MAX_TEXT = 4096

# Strings, names in any of SQLite's quotes, numbers, parameters, words. The rest is kept unchanged.
_TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]|`(?:[^`]|``)*`|[:@$?]\w*|\d[\w.]*|[^\W\d]\w*|\s+"
)
_NUMBER = re.compile(r"[0-9]++")
# The keywords of https://www.sqlite.org/lang_keywords.html that distinguish statements.
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


def shape_of(text: str) -> str:
    """A statement with ``?`` for each name and value: one shape for a facet's query of any column.

    For grouping only: it keeps no names.
    """
    # Datasette's statements about permissions have parameters with a running number.
    return _shape_of(_NUMBER.sub("0", text[:MAX_TEXT]))


# Datasette runs the same statements on every page. A thousand cover the pages
# that one process serves in a minute, for any number of tables.
@lru_cache(maxsize=1024)
def _shape_of(text: str) -> str:
    return _TOKEN.sub(_general, text)


def _general(match: re.Match[str]) -> str:
    token = match[0]
    if token.isspace():
        return " "
    word = token.upper()
    return word if word in _KEYWORDS else "?"
