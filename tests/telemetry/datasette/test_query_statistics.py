"""Sums, the costliest, what is in a loop; and all of it bounded."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

import pytest

from telemetry.datasette import query_statistics as module
from telemetry.datasette.query_statistics import (
    COSTLIEST,
    MAX_DATABASES,
    MAX_PENDING,
    MAX_REPEATED,
    OTHER,
    Details,
    QueryStatistics,
)
from telemetry.redaction.redactor import Redactor
from telemetry.redaction.sql import MAX_STATEMENT
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d
from telemetry.registry import spans
from telemetry.settings.model import RedactionSettings

MS = 1_000_000


class Query(NamedTuple):
    """One query, as its ended spans describe it. Times are nanoseconds."""

    statement: str
    database: str
    execution: int
    waiting: int
    rows: int = 0
    suppressed: bool = False
    interrupted: bool = False
    spans: int = 1

    def add_to(self, statistics: QueryStatistics) -> None:
        """Add it to statistics."""
        known: dict[str, Any] = {d.TEXT: self.statement, d.DATABASE: self.database}
        if self.interrupted:
            known[d.TIME_LIMIT] = 1000
        else:
            known[d.ROWS] = self.rows
        if self.suppressed:
            known[d.SUPPRESSED] = True
        statistics.add(known, self.execution + self.waiting, self.execution, self.spans)


def _statistics(*queries: Query, room: int = 100) -> QueryStatistics:
    statistics = QueryStatistics(Details(room))
    for query in queries:
        query.add_to(statistics)
    return statistics


def _query(statement: str = "select 1", execution: int = MS, **more: object) -> Query:
    return Query(statement, str(more.pop("database", "meetings")), execution, 0, **more)  # type: ignore[arg-type]


def test_nothing_is_no_account() -> None:
    """A span without queries says nothing of them."""
    assert _statistics().attributes() == {}


def test_sums_are_in_seconds_and_nanoseconds_add_up() -> None:
    """Execution and waiting apart, the longest, rows, probes and timeouts."""
    found = _statistics(
        Query("select a", "meetings", 1 * MS, 4 * MS, rows=10),
        Query("select b", "meetings", 3 * MS, 0, rows=1),
        Query("select a", "_internal", 2 * MS, 1 * MS, suppressed=True),
        Query("select c", "meetings", 5 * MS, 0, interrupted=True),
    ).attributes()
    assert found == {
        a.QUERIES: 4,
        a.QUERIES_EXECUTION: 0.011,
        a.QUERIES_WAITING: 0.005,
        a.QUERIES_LONGEST: 0.005,
        a.QUERIES_LONGEST_WAIT: 0.004,
        a.QUERIES_ROWS: 11,
        a.QUERIES_SUPPRESSED: 1,
        a.QUERIES_INTERRUPTED: 1,
        a.DATABASES: ("meetings", "_internal"),
        a.DATABASES_COUNT: (3, 1),
        a.DATABASES_EXECUTION: (0.009, 0.002),
        a.STATEMENTS: ("select c", "select a", "select b"),
        a.STATEMENTS_COUNT: (1, 2, 1),
        a.STATEMENTS_EXECUTION: (0.005, 0.003, 0.003),
        a.STATEMENTS_LONGEST: (0.005, 0.002, 0.003),
    }


def test_only_the_costliest_statements_are_named() -> None:
    """And each is cut to a line that can be read, once it is redacted."""
    found = _statistics(
        *(_query(f"select {n} from t{n}", n * MS) for n in range(1, 10))
    ).attributes()
    expected = [f"select {n} from t{n}" for n in range(9, 9 - COSTLIEST, -1)]
    assert found[a.STATEMENTS] == tuple(expected)
    known = _statistics(
        *(_query(f"select\n  {'a' * 999}, 'planted', {name}") for name in "bc"),
        *(_query(f"select -- a comment\n 'planted {n}' as d") for n in range(5)),
    ).attributes()
    shown = Redactor(RedactionSettings()).attributes(known)
    ours = [cut for cut in shown[a.STATEMENTS] if cut.startswith("select aaa")]
    # Two, though they begin with the same letters.
    assert len(set(ours)) == 2
    assert {len(cut) for cut in ours} == {MAX_STATEMENT}
    assert shown[a.REPEATED] == ("select ? as d",)
    assert "planted" not in repr(shown)


def test_a_long_statement_is_the_same_with_other_numbers_of_parameters() -> None:
    """Datasette numbers those of its statements about permissions anew in each request."""
    redactor = Redactor(RedactionSettings())
    statement = "select {column}, :a0_reason_{n} as reason, " + "1 as allow, " * 30 + ":actor{n}"
    shown = {
        redactor.value(a.STATEMENTS, [statement.format(column=column, n=n)])[0]
        for column in ("parent", "child")
        for n in range(20)
    }
    assert len(shown) == 2
    assert {len(each) for each in shown} == {MAX_STATEMENT}
    assert all(":a0_reason_0 as reason" in each for each in shown)
    # A table's number is not a parameter's.
    tables = [f"select {'a, ' * 99} b from census{n}" for n in (2010, 2020)]
    first, second = redactor.value(a.STATEMENTS, tables)
    assert first != second


def test_a_loop_is_named_by_one_of_its_statements() -> None:
    """Alike but for names and values, five times or more, the most frequent first."""
    columns = (_query(f"select {name} as value from minutes") for name in "abcdef")
    again = (_query("select count(*) from minutes") for _ in range(7))
    few = (_query(f"select max({name}) from minutes") for name in "abcd")
    found = _statistics(*columns, *again, *few).attributes()
    assert found[a.REPEATED] == ("select count(*) from minutes", "select a as value from minutes")
    assert found[a.REPEATED_COUNT] == (7, 6)


def test_functions_are_told_apart_by_their_names() -> None:
    """What was run with a connection, and is no SQL."""
    different = (_query(f"Database.{name}") for name in "abcdef")
    assert a.REPEATED not in _statistics(*different).attributes()
    alike = (_query("Database.primary_keys.<locals>._keys") for _ in range(5))
    assert _statistics(*alike).attributes()[a.REPEATED_COUNT] == (5,)


def test_a_few_loops_are_enough() -> None:
    """However many there are."""
    loops = [_query("select " + ", ".join("a" * n)) for n in range(1, 9) for _ in range(5 + n)]
    found = _statistics(*loops).attributes()
    assert found[a.REPEATED_COUNT] == (13, 12, 11)[:MAX_REPEATED]


@pytest.mark.parametrize("seed", range(60))
def test_queries_that_are_added_together_are_those_added_one_by_one(seed: int) -> None:
    """Whatever they are, however much room there is, and though others ran the same before."""
    random = Random(seed)
    statements = [f"select {', '.join('abcd' * random.randint(1, 90))}" for _ in range(8)]
    statements += ["", "count_tables", *(f"select {n} from t{n}" for n in range(9))]
    queries = [
        Query(
            random.choice(statements),
            f"db{random.randrange(random.choice((1, 3, 20)))}",
            random.randrange(MS),
            # Phases that overlap take longer together than their query.
            random.randrange(-MS, MS),
            random.choice((0, 1, 50, True, 2.5)),  # type: ignore[arg-type] # of a plugin
            suppressed=random.random() < 0.1,
            interrupted=random.random() < 0.1,
            spans=random.randint(1, 3),
        )
        for _ in range(random.choice((1, 4, MAX_PENDING, MAX_PENDING + 1, 60)))
    ]
    room = random.choice((0, 2, 9, 1000))
    details = Details(room), Details(room)
    together, again = QueryStatistics(details[0]), QueryStatistics(Details(room))
    one_by_one = QueryStatistics(details[1])
    for query in queries:
        query.add_to(together)
        query.add_to(one_by_one)
        one_by_one.totals()
    found = together.attributes()
    assert found == one_by_one.attributes()
    assert together.totals() == (len(queries), sum(query.execution for query in queries))
    waiting = sum(max(query.waiting, 0) for query in queries)
    assert found[a.QUERIES_WAITING] == pytest.approx(waiting / 1e9, abs=1e-6)
    assert details[0].spans == details[1].spans == sum(query.spans for query in queries)
    assert details[0].room == details[1].room
    for query in queries:
        # In the same order, and each takes longer.
        query._replace(execution=query.execution + MS).add_to(again)
    longer = sum(query.execution + MS for query in queries)
    assert again.totals() == (len(queries), longer)
    assert sum(again.attributes()[a.DATABASES_EXECUTION]) == pytest.approx(longer / 1e9, abs=1e-4)


def test_what_is_kept_of_statements_is_bounded() -> None:
    """Long ones, which a client may have written, are not kept, and of others only so many."""
    kept = module._kept_layout.cache_info
    before = kept().misses
    long = "select " + "x" * module.LONGEST_LAYOUT
    assert _statistics(_query(long)).attributes()[a.STATEMENTS] == (long,)
    assert kept().misses == before
    for number in range(2 * module.MAX_LAYOUTS):
        _statistics(_query(f"select {number} from kept")).attributes()
    assert kept().misses == before + 2 * module.MAX_LAYOUTS
    assert kept().currsize == module.MAX_LAYOUTS


def test_databases_are_bounded() -> None:
    """A site with hundreds of them has the rest summed up."""
    found = _statistics(*(_query(database=f"db{n}", execution=MS) for n in range(100))).attributes()
    assert len(found[a.DATABASES]) == MAX_DATABASES + 1
    assert sum(found[a.DATABASES_COUNT]) == 100
    assert OTHER in found[a.DATABASES]


def test_details_have_room_for_all_accounts_together() -> None:
    """Without it totals stay true; and what is closed makes room again."""
    details = Details(3)
    first, second = QueryStatistics(details), QueryStatistics(details)
    for name in "ab":
        _query(f"select {name}").add_to(first)
        _query(f"select {name}").add_to(second)
    assert len(first.attributes()[a.STATEMENTS]) == 2
    assert second.attributes()[a.QUERIES] == 2
    assert len(second.attributes()[a.STATEMENTS]) == 1
    first.close()
    _query("select c").add_to(second)
    assert len(second.attributes()[a.STATEMENTS]) == 2


def test_details_are_bounded_before_they_are_read() -> None:
    """A request that never ends holds some queries beyond the room, and no more."""
    details = Details(0)
    statistics = QueryStatistics(details)
    for number in range(10 * MAX_PENDING):
        _query(f"select {number}").add_to(statistics)
    assert details.spans == 10 * MAX_PENDING
    assert statistics.totals() == (10 * MAX_PENDING, 10 * MAX_PENDING * MS)
    assert statistics.attributes()[a.STATEMENTS] == ()


def test_what_outlives_the_local_root_is_counted_and_takes_no_room() -> None:
    """A query that a background task has started within a request, and that ends after it."""
    details = Details(1)
    statistics = QueryStatistics(details)
    statistics.close()
    _query()._replace(spans=2).add_to(statistics)
    assert details.spans == 2
    assert details.room == 1


def test_a_finalizer_may_add_a_query_while_queries_are_added_up() -> None:
    """The garbage collector runs in the middle of anything: here, of a sum."""
    statistics = QueryStatistics(Details(100))
    began: list[int] = []

    class Moment(int):
        def __radd__(self, other: int) -> int:
            if not began:
                began.append(other)
                _query().add_to(statistics)
                statistics.totals()
            return int(self) + other

    for execution in (MS, Moment(MS), MS):
        _query()._replace(execution=execution).add_to(statistics)
    assert statistics.totals() == (4, 4 * MS)
    assert began == [MS]


def test_every_name_is_registered() -> None:
    """Nothing else goes on the wire."""
    queries = [_query(suppressed=True), *(_query(interrupted=True) for _ in range(9))]
    assert set(_statistics(*queries).attributes()) == set(spans.QUERY_STATISTICS)
