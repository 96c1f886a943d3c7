"""Aggregated statistics of folded queries, as attributes of the local root span."""

from __future__ import annotations

import re
from collections import deque
from functools import cached_property, lru_cache
from operator import itemgetter
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from telemetry.forks import renew_in_children
from telemetry.redaction.sql import LONGEST_STATEMENT, MAX_STATEMENT, without_parameter_numbers
from telemetry.registry import attributes as a
from telemetry.registry.datasette import CALLBACK, DATABASE, ROWS, SUPPRESSED, TEXT, TIME_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    # A statement, or None for those without room, and its database.
    Key = tuple[str | None, str]

T = TypeVar("T")

COSTLIEST = 5
# A statement that runs this often within one request is reported as repeated.
REPEATED = 5
MAX_REPEATED = 3
MAX_DATABASES = 16
OTHER = "other"
MAX_PENDING = 16
"""Queries of one local trace that wait to be added up."""
MAX_LAYOUTS = 128
"""Layouts that are kept. Requests for pages of one kind run the same statements, on any site."""
# Characters of the statements of one that is kept.
LONGEST_LAYOUT = 65_536


class Details:
    """Limits the number of distinct statements in all open query statistics together."""

    def __init__(self, room: int) -> None:
        self.room = room
        """Number of statements that may be added. Changed while the lock is held."""
        # A finalizer may run while it is held, and end a span.
        self.lock = RLock()
        """Held while statistics are added up."""
        self.spans = 0
        """Number of spans of the queries that were added up."""
        renew_in_children(self, "lock")


class QueryStatistics:
    """Totals of queries: overall, by database and by statement.

    Queries are added up some at a time, since one takes a lock and a look-up or two.

    Args:
        details: room for statements, of which this takes one for each statement and database.
    """

    def __init__(self, details: Details) -> None:
        self._details = details
        self._pending: deque[tuple[str, str, Mapping[str, Any], int, int, int]] = deque()
        # Of each statement in each database: the number, the execution time and its longest. None
        # stands for statements without room. Tuples, which the garbage collector does not follow.
        self._sums: dict[Key, tuple[int, int, int]] = {}
        self._taken = 0
        self._databases: set[str] = set()
        self._waiting = self._longest_wait = self._rows = self._suppressed = self._interrupted = 0
        self._is_closed = self._adds_up = False

    def add(self, known: Mapping[str, Any], whole: int, execution: int, spans: int) -> None:
        """Add a query to the totals. Times are nanoseconds.

        Args:
            known: the attributes of the query's span, which has ended.
            whole: how long that lasted, with the time of waiting for a thread or for earlier
                writes.
            execution: how long SQLite took.
            spans: number of its spans, with those of its phases.

        Raises:
            Exception: whatever the ``__str__`` of an attribute raises that is no text.
        """
        # Runs for each query, on any thread.
        statement = known.get(TEXT) or known.get(CALLBACK) or ""
        if statement.__class__ is not str:
            statement = str(statement)
        database = known.get(DATABASE, "")
        if database.__class__ is not str:
            database = str(database)
        pending = self._pending
        pending.append((statement, database, known, whole, execution, spans))
        if len(pending) >= MAX_PENDING or self._is_closed:
            with self._details.lock:
                self._add_up()

    def _add_up(self) -> None:
        """Add up what is pending. The lock is held.

        Does nothing for a finalizer of the thread that does so: its queries are among the last.
        """
        if not self._adds_up:
            self._adds_up = True
            try:
                self._add_up_pending()
            finally:
                self._adds_up = False

    def _add_up_pending(self) -> None:
        pending, sums = self._pending, self._sums
        databases, details = self._databases, self._details
        added = waiting = returned = 0
        while pending:
            statement, database, known, whole, execution, spans = pending.popleft()
            added += spans
            if self._is_closed:
                # It has outlived the local root.
                continue
            if MAX_STATEMENT < len(statement) <= LONGEST_STATEMENT:
                # Otherwise it is another statement in each request.
                statement = without_parameter_numbers(statement)
            key: Key = (statement, database)
            of_statement = sums.get(key)
            if of_statement is None:
                if database in databases and details.room > 0:
                    # Whole: a statement is cut once it is redacted.
                    details.room -= 1
                    self._taken += 1
                else:
                    key = self._unusual_key(statement, database)
                    of_statement = sums.get(key)
            if of_statement is None:
                sums[key] = 1, execution, execution
            else:
                number, time, longest = of_statement
                sums[key] = number + 1, time + execution, max(longest, execution)
            waited = whole - execution
            if waited > 0:
                waiting += waited
                if waited > self._longest_wait:
                    self._longest_wait = waited
            rows = known.get(ROWS)
            if rows.__class__ is int:
                returned += rows
                if known.get(SUPPRESSED):
                    self._suppressed += 1
            else:
                self._add_unusual(known, rows)
        details.spans += added
        self._waiting += waiting
        self._rows += returned

    def _add_unusual(self, known: Mapping[str, Any], rows: object) -> None:
        """Add a query that has returned no rows."""
        if isinstance(rows, int):
            self._rows += rows
        if known.get(SUPPRESSED):
            # It failed with an error that its caller suppressed.
            self._suppressed += 1
        elif rows is None and TIME_LIMIT in known:
            # It was interrupted: it reached a time limit that its caller set and handles.
            self._interrupted += 1

    def _unusual_key(self, statement: str, database: str) -> Key:
        """The key for a statement of a new database, or without room."""
        if database not in self._databases:
            if len(self._databases) >= MAX_DATABASES:
                database = OTHER
            else:
                self._databases.add(database)
        key = statement, database
        if key in self._sums:
            return key
        if self._details.room <= 0:
            return None, database
        self._details.room -= 1
        self._taken += 1
        return key

    def close(self) -> None:
        """Drop the statements and release their room."""
        with self._details.lock:
            self._add_up()
            self._is_closed = True
            self._details.room += self._taken
            self._taken, self._sums = 0, {}

    def totals(self) -> tuple[int, int]:
        """Number of queries, and their execution time in nanoseconds."""
        with self._details.lock:
            self._add_up()
            sums = self._sums.values()
            return sum(map(itemgetter(0), sums)), sum(map(itemgetter(1), sums))

    def attributes(self) -> dict[str, Any]:
        """The statistics as span attributes: parallel lists, the longest execution first."""
        with self._details.lock:
            self._add_up()
            keys, sums = tuple(self._sums), [*self._sums.values()]
        if not sums:
            return {}
        counts: Sequence[int]
        executions: Sequence[int]
        longest: Sequence[int]
        counts, executions, longest = zip(*sums, strict=True)
        total = sum(counts)
        execution, waiting, slowest, longest_wait = _in_seconds(
            (sum(executions), self._waiting, max(longest), self._longest_wait)
        )
        found: dict[str, Any] = {
            a.QUERIES: total,
            a.QUERIES_EXECUTION: execution,
            a.QUERIES_WAITING: waiting,
            a.QUERIES_LONGEST: slowest,
            a.QUERIES_LONGEST_WAIT: longest_wait,
            a.QUERIES_ROWS: self._rows,
        }
        if self._suppressed:
            found[a.QUERIES_SUPPRESSED] = self._suppressed
        if self._interrupted:
            found[a.QUERIES_INTERRUPTED] = self._interrupted
        layout = _layout_of(keys)
        databases, statements = layout.databases, layout.statements
        times = databases.combine(sum, executions)
        first = _in_order(_costliest(times))
        found[a.DATABASES] = first(databases.names)
        found[a.DATABASES_COUNT] = first(databases.combine(sum, counts))
        found[a.DATABASES_EXECUTION] = _in_seconds(first(times))
        texts = statements.names
        counts = statements.combine(sum, counts)
        executions = statements.combine(sum, executions)
        longest = statements.combine(max, longest)
        order = _costliest(executions)
        if None in texts:
            order = [place for place in order if texts[place] is not None]
        first = _in_order(order[:COSTLIEST])
        costliest = first(executions)
        found[a.STATEMENTS] = first(texts)
        found[a.STATEMENTS_COUNT] = first(counts)
        found[a.STATEMENTS_EXECUTION] = of_each = _in_seconds(costliest)
        slowest_of_each = first(longest)
        # Each has run once.
        is_same = slowest_of_each == costliest
        found[a.STATEMENTS_LONGEST] = of_each if is_same else _in_seconds(slowest_of_each)
        if total >= REPEATED:
            repeated = _repeated(layout, counts)
            if repeated:
                found[a.REPEATED] = tuple([text for text, _ in repeated])
                found[a.REPEATED_COUNT] = tuple([count for _, count in repeated])
        return found


class _Groups(Generic[T]):
    """Which places of a sequence have the same name.

    Args:
        names: of each place.
    """

    def __init__(self, names: Sequence[T]) -> None:
        places: dict[T, list[int]] = {}
        for place, name in enumerate(names):
            places.setdefault(name, []).append(place)
        self.names = tuple(places)
        """Without repetition, in the order of their first."""
        # None if each has one place.
        self._items: Sequence[Callable[[Sequence[int]], Iterable[int]]] | None = None
        if len(places) < len(names):
            self._items = [_items_at(found) for found in places.values()]

    def combine(
        self, function: Callable[[Iterable[int]], int], numbers: Sequence[int]
    ) -> Sequence[int]:
        """The sum or the maximum, for each name, of the numbers at its places."""
        if self._items is None:
            return numbers
        return [function(items(numbers)) for items in self._items]


def _items_at(places: Sequence[int]) -> Callable[[Sequence[int]], Iterable[int]]:
    if len(places) > 1:
        return itemgetter(*places)
    # A sequence too, of one.
    return itemgetter(slice(places[0], places[0] + 1))


class _Layout:
    """What follows from the statements and databases of a local trace, whatever their times.

    Args:
        keys: each once, at least one.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        statements, databases = zip(*keys, strict=True)
        self.statements: _Groups[str | None] = _Groups(statements)
        self.databases: _Groups[str] = _Groups(databases)

    @cached_property
    def shapes(self) -> Sequence[str | None]:
        """Of each different statement."""
        # The name of a function has no spaces, and is its own shape.
        return [
            text if text is None or " " not in text else shape_of(text)
            for text in self.statements.names
        ]

    @cached_property
    def is_varied(self) -> bool:
        """Whether each statement has a shape of its own."""
        return len({*self.shapes}) == len(self.shapes)


_kept_layout = lru_cache(MAX_LAYOUTS)(_Layout)


def _layout_of(keys: tuple[Key, ...]) -> _Layout:
    length = sum(map(len, filter(None, map(itemgetter(0), keys))))
    return _kept_layout(keys) if length <= LONGEST_LAYOUT else _Layout(keys)


def _repeated(layout: _Layout, numbers: Sequence[int]) -> list[tuple[str, int]]:
    """Shapes of statements that ran at least ``REPEATED`` times: an example and the count."""
    # Most requests: there is nothing to add up.
    if layout.is_varied and max(numbers) < REPEATED:
        return []
    shapes, texts = layout.shapes, layout.statements.names
    counts: dict[str, int] = {}
    for shape, number in zip(shapes, numbers, strict=True):
        if shape is not None:
            counts[shape] = counts.get(shape, 0) + number
    if not counts or max(counts.values()) < REPEATED:
        return []
    # The first of each.
    examples = dict(zip(reversed(shapes), reversed(texts), strict=True))
    alike = sorted(counts.items(), key=itemgetter(1), reverse=True)
    return [(str(examples[shape]), n) for shape, n in alike if n >= REPEATED][:MAX_REPEATED]


def _costliest(executions: Sequence[int]) -> Sequence[int]:
    """The places of execution times, the longest first."""
    if len(executions) == 1:
        return (0,)
    return sorted(range(len(executions)), key=executions.__getitem__, reverse=True)


def _in_order(places: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Returns a function that gives a sequence's items at the places, in their order."""
    if len(places) > 1:
        # Without an instruction of Python's for each.
        return itemgetter(*places)
    return lambda items: tuple([items[place] for place in places])


def _in_seconds(times: Iterable[int]) -> tuple[float, ...]:
    # To the microsecond, as `round` does in four times the time.
    return tuple([(nanoseconds + 500) // 1000 / 1e6 for nanoseconds in times])


MAX_TEXT = 4096

# Strings, names in any of SQLite's quotes, numbers, parameters, words. The rest is kept unchanged.
_TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[[^\]]*\]|`(?:[^`]|``)*`|[:@$?]\w*|\d[\w.]*|[^\W\d]\w*|\s+"
)
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
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
    # Values within the SQL differ more often than its shape.
    return _shape_of(text.encode().translate(_ZEROS).decode() if text.isascii() else text)


@lru_cache(maxsize=1024)
def _shape_of(text: str) -> str:
    return _TOKEN.sub(_general, text)


def _general(match: re.Match[str]) -> str:
    token = match[0]
    if token.isspace():
        return " "
    word = token.upper()
    return word if word in _KEYWORDS else "?"
