"""Aggregated statistics of folded queries, as attributes of the local root span."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from telemetry.registry import attributes as a

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

T = TypeVar("T")

COSTLIEST = 5
# A statement that runs this often within one request is reported as repeated.
REPEATED = 5
MAX_REPEATED = 3
MAX_DATABASES = 16
OTHER = "other"


class Query(NamedTuple):
    """One query. Times are nanoseconds."""

    statement: str
    """The SQL, or the name of the function that was called with the connection.

    Whole: it is cut once it is redacted.
    """
    database: str
    execution: int
    waiting: int
    """Time waiting for a thread or for earlier writes."""
    rows: int = 0
    suppressed: bool = False
    """Whether it failed with an error that its caller suppressed."""
    interrupted: bool = False
    """Whether it reached a time limit that its caller set and handles."""


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


class QueryStatistics:
    """Totals of queries: overall, by database and by statement. Not thread-safe.

    Args:
        details: room for statements, of which this takes one for each statement and database.
    """

    def __init__(self, details: Details) -> None:
        self._details = details
        # Of each statement in each database: the number, the execution time and its longest. None
        # stands for statements without room.
        self._sums: dict[tuple[str | None, str], list[int]] = {}
        self._taken = 0
        self._databases: set[str] = set()
        self._waiting = self._longest_wait = self._rows = self._suppressed = self._interrupted = 0

    def add(self, query: Query) -> None:
        """Add a query to the totals."""
        # Runs for each query: without calls, but for what is seen for the first time.
        statement, database, execution, waiting, rows, suppressed, interrupted = query
        known = self._sums.get((statement, database)) or self._sum(statement, database)
        known[0] += 1
        known[1] += execution
        if execution > known[2]:
            known[2] = execution
        if waiting:
            self._waiting += waiting
            if waiting > self._longest_wait:
                self._longest_wait = waiting
        self._rows += rows
        if suppressed:
            self._suppressed += 1
        if interrupted:
            self._interrupted += 1

    def _sum(self, statement: str, database: str) -> list[int]:
        if database not in self._databases:
            if len(self._databases) >= MAX_DATABASES:
                database = OTHER
            else:
                self._databases.add(database)
        key: tuple[str | None, str] = (statement, database)
        if key not in self._sums:
            if self._details.take():
                self._taken += 1
            else:
                key = None, database
        return self._sums.setdefault(key, [0, 0, 0])

    def close(self) -> None:
        """Drop the statements and release their room."""
        self._details.give_back(self._taken)
        self._taken, self._sums = 0, {}

    def totals(self) -> tuple[int, int]:
        """Number of queries, and their execution time in nanoseconds."""
        sums = self._sums.values()
        return sum(map(itemgetter(0), sums)), sum(map(itemgetter(1), sums))

    def attributes(self) -> dict[str, Any]:
        """The statistics as span attributes: parallel lists, the longest execution first."""
        if not self._sums:
            return {}
        counts, executions, longest = zip(*self._sums.values(), strict=True)
        total = sum(counts)
        found: dict[str, Any] = {
            a.QUERIES: total,
            a.QUERIES_EXECUTION: _seconds(sum(executions)),
            a.QUERIES_WAITING: _seconds(self._waiting),
            a.QUERIES_LONGEST: _seconds(max(longest)),
            a.QUERIES_LONGEST_WAIT: _seconds(self._longest_wait),
            a.QUERIES_ROWS: self._rows,
        }
        if self._suppressed:
            found[a.QUERIES_SUPPRESSED] = self._suppressed
        if self._interrupted:
            found[a.QUERIES_INTERRUPTED] = self._interrupted
        of_statement, of_database = zip(*self._sums, strict=True)
        databases = _costliest(_grouped(of_database, self._sums.values()))
        found[a.DATABASES] = tuple([name for name, _ in databases])
        found[a.DATABASES_COUNT] = tuple([number for _, (number, _, _) in databases])
        found[a.DATABASES_EXECUTION] = tuple([_seconds(time) for _, (_, time, _) in databases])
        # Most statements run in one database.
        by_statement: dict[str | None, Sequence[int]] = dict(
            zip(of_statement, self._sums.values(), strict=True)
        )
        if len(by_statement) < len(of_statement):
            by_statement = _grouped(of_statement, self._sums.values())
        by_statement.pop(None, None)
        statements = _costliest(by_statement)[:COSTLIEST]
        found[a.STATEMENTS] = tuple([str(text) for text, _ in statements])
        found[a.STATEMENTS_COUNT] = tuple([number for _, (number, _, _) in statements])
        found[a.STATEMENTS_EXECUTION] = tuple([_seconds(time) for _, (_, time, _) in statements])
        found[a.STATEMENTS_LONGEST] = tuple([_seconds(most) for _, (_, _, most) in statements])
        repeated = _repeated(by_statement) if total >= REPEATED else ()
        if repeated:
            found[a.REPEATED] = tuple([text for text, _ in repeated])
            found[a.REPEATED_COUNT] = tuple([count for _, count in repeated])
        return found


def _grouped(keys: Iterable[T], sums: Iterable[Sequence[int]]) -> dict[T, Sequence[int]]:
    """The sums of each key, in the order of their first."""
    found: dict[T, Sequence[int]] = {}
    for key, each in zip(keys, sums, strict=True):
        known = found.get(key)
        found[key] = (
            each
            if known is None
            else (known[0] + each[0], known[1] + each[1], max(known[2], each[2]))
        )
    return found


def _repeated(statements: Mapping[str | None, Sequence[int]]) -> list[tuple[str, int]]:
    """Shapes of statements that ran at least ``REPEATED`` times: an example and the count."""
    texts = [*map(str, statements)]
    # The name of a function has no spaces, and is its own shape.
    shapes = [shape_of(text) if " " in text else text for text in texts]
    counts: dict[str, int] = {}
    for shape, (number, _, _) in zip(shapes, statements.values(), strict=True):
        counts[shape] = counts.get(shape, 0) + number
    if max(counts.values()) < REPEATED:
        return []
    # The first of each.
    examples = dict(zip(reversed(shapes), reversed(texts), strict=True))
    alike = sorted(counts.items(), key=itemgetter(1), reverse=True)
    return [(examples[shape], n) for shape, n in alike if n >= REPEATED][:MAX_REPEATED]


def _costliest(sums: Mapping[T, Sequence[int]]) -> list[tuple[T, Sequence[int]]]:
    executions = [*map(itemgetter(1), sums.values())]
    items = [*sums.items()]
    order = sorted(range(len(items)), key=executions.__getitem__, reverse=True)
    return [*map(items.__getitem__, order)]


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
    return _cached_shape(text[:MAX_TEXT])


# Datasette runs the same statements on every page. A thousand cover the pages
# that one process serves in a minute, for any number of tables.
@lru_cache(maxsize=1024)
def _cached_shape(text: str) -> str:
    # Datasette's statements about permissions have parameters with a running number.
    return _shape_of(_NUMBER.sub("0", text))


@lru_cache(maxsize=1024)
def _shape_of(text: str) -> str:
    return _TOKEN.sub(_general, text)


def _general(match: re.Match[str]) -> str:
    token = match[0]
    if token.isspace():
        return " "
    word = token.upper()
    return word if word in _KEYWORDS else "?"
