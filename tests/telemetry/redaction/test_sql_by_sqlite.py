"""SQL as SQLite reads it: SQLite itself says which values of a statement are literals."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.redaction.sql import without_literals, without_quotations

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = "create table t (a, b, [c d]); create table u (a); create view v as select a from t"
# What separates tokens; comments may look like the beginning of something else.
SPACE = st.sampled_from(
    [" ", "\n", "  \t ", "/* ' */", "-- from\n", '/* as " */', " /**/ ", "--'\n", " " * 70]
)
# {} is replaced by a number that occurs once in the statement: it finds the literal again.
LITERAL = st.sampled_from(
    [
        *(
            "'zq{}'",
            "'it''s zq{}'",
            "'-- zq{}'",
            "x'7a71{h}'",
            "X'7A71{h}'",
            '"zq{}"',
            '"a ""zq{}"',
        ),
        *("7{}", "7{}.5", "0x7{}", "7{}e2", "'/* zq{}'", "' from zq{}'", "'zq{}\n'", '"[zq{}"'),
    ]
)
COLUMN = st.sampled_from(
    ["a", "t.b", '"a"', "`b`", "[c d]", '"t"."a"', "[t] . `b`", '"t" . b', ":p", "?"]
)
OPERATOR = st.sampled_from(
    [
        *("=", "is", "is not", "is distinct from", "is not distinct from", "||", "+", "->>", "->"),
        *("and", "or", "like", "<", "collate nocase ||", "not between 1 and", "glob", "<>", "*"),
    ]
)
FORM = st.sampled_from(
    [
        "select {e} from t",
        "select {e} as {n} from t where {e}",
        'select * from "t" as "t" where {e} order by {e} limit 5',
        "select {e} {n} from t join u on {e}",
        "insert into u values ({e})",
        'insert into "u" ("a") select {e} from "t"',
        'update "t" set "a" = {e} where {e}',
        "delete from t where {e}",
        "select case when {e} then {e} else {e} end from t",
        "select coalesce({e}, cast({e} as text)) from t",
        "select a from t where a in ({e}, {e}) union select {e} from t",
        "with {n} as (select {e} from t) select * from {n}",
    ]
)
NAME = st.sampled_from(["x", "[x y]", "`x`", '"x"'])
CUT = st.integers(0, 300)


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A statement on the schema; most of them are valid."""
    numbers = count(100_000)

    def operand(depth: int) -> str:
        if depth <= 0 or draw(st.booleans()):
            number = str(next(numbers))
            return draw(LITERAL | COLUMN).replace("{h}", as_hex(number)).replace("{}", number)
        before, operator, after = operand(depth - 1), draw(OPERATOR), operand(depth - 1)
        return f"({before}{draw(SPACE)} {operator.replace(' ', draw(SPACE))} {draw(SPACE)}{after})"

    form = draw(FORM).replace("{n}", draw(NAME))
    return re.sub(r"\{e\}", lambda _: draw(SPACE) + operand(2), form)


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        yield connection


def constants(connection: sqlite3.Connection, statement: str) -> list[str]:
    """The planted constants of the program that SQLite makes of a statement."""
    program = connection.execute(f"explain {statement}", {"p": 1} if ":p" in statement else ())
    found = [str(column) for row in program for column in (row[2], row[5])]
    return re.findall(r"(?:zq|\b7)(\d{6})", "\n".join(found))


def test_no_literal_of_a_statement_is_left(sqlite: sqlite3.Connection) -> None:
    """Of most statements SQLite makes a program, and its constants are literals."""
    seen = {"valid": 0, "constants": 0}

    @given(statements())
    def check(statement: str) -> None:
        sqlite_s = without_marks(statement)
        redacted = without_literals(statement)
        try:
            planted = constants(sqlite, sqlite_s)
        except sqlite3.Error:
            return
        seen["valid"] += 1
        seen["constants"] += len(planted)
        assert [
            number for number in planted if number in redacted or as_hex(number) in redacted
        ] == []

    check()
    assert seen["valid"] > 20
    assert seen["constants"] > 20


def as_hex(number: str) -> str:
    return number.encode().hex()


def without_marks(statement: str) -> str:
    # A parameter needs a value, also of a statement that is only explained.
    return re.sub(r"(?<![\w:]):p\b|\?", "null", statement)


@given(statements(), CUT)
def test_what_is_not_terminated_is_text(statement: str, length: int) -> None:
    """What SQLite calls an unrecognized token is none of its names."""
    cut = statement[:length]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        try:
            connection.execute(f"explain {without_marks(cut)}")
        except sqlite3.Error as error:
            message = str(error)
        else:
            return
    if "unrecognized token" in message:
        for number in re.findall(r"zq(\d{6})", message):
            assert number not in without_literals(cut)
            assert number not in without_quotations(message)
