"""SQL: literals and comments go, names stay, and a visitor's broken statement tells no more."""

from __future__ import annotations

import datetime
import ipaddress
import json
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import closing
from email.utils import parsedate_to_datetime
from enum import Enum
from fractions import Fraction
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from telemetry.redaction.sql import without_literals, without_quotations

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("select 'planted'", "select ?"),
        ("select 'it''s planted', 2", "select ?, ?"),
        ("select 'planted", "select ?"),
        ("select 'it''", "select ?"),
        ("select x'706c616e746564', X'00'", "select ?, ?"),
        ("select 1, 1.5, .5, 1e10, 0x1F, 1_000, -3", "select ?, ?, ?, ?, ?, ?, -?"),
        ("select a1, t2.b3 from t2", "select a1, t2.b3 from t2"),
        ("select 1 -- planted\nfrom t", "select ?  \nfrom t"),
        ("select /* planted */ a", "select   a"),
        ("select a /* planted", "select a  "),
        ("select '-- no comment' from t", "select ? from t"),
        ("where a = :p0 and b = ?1 and c = @x and d = $y and e = ?", None),
        ("where id in (1, 2,3)", "where id in (?)"),
        ("where id in (:p0, :p1)", None),
        ("values (1, 2), (3, 4)", "values (?, ?), (?, ?)"),
        ("select [a name], `b`` c` from [t 'x']", None),
        ("select a->>'$.planted'", "select a->>?"),
        ("limit 101 offset 5", "limit ? offset ?"),
    ],
)
def test_literals_and_comments_go(statement: str, shown: str | None) -> None:
    """Of any kind that SQLite has; what is none stays as it is."""
    assert without_literals(statement) == (statement if shown is None else shown)


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ('where a = "planted"', "where a = ?"),
        ('where "planted" = a', "where ? = a"),
        ('select "planted"', "select ?"),
        ('select "planted', "select ?"),
        ('match "it""s planted"', "match ?"),
        ('select t."order" from "my table" as "x y" join "b"', None),
        ('select "t"."order"', None),
        ('insert into "my table" values (1)', 'insert into "my table" values (?)'),
        ('update "my table" set "a" = 1', 'update "my table" set ? = ?'),
    ],
)
def test_double_quotes_hold_a_name_only_where_nothing_else_can_be(
    statement: str, shown: str | None
) -> None:
    """SQLite takes them for a string where no column is called so."""
    assert without_literals(statement) == (statement if shown is None else shown)


def test_statements_of_one_kind_become_one() -> None:
    """They stay groupable, whatever was looked for."""
    alike = (
        "select * from t where a = 'x' and b in (1,2) limit 10",
        "select * from t where a = 'it''s' and b in (7, 8, 9) limit 100",
    )
    assert len({without_literals(statement) for statement in alike}) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "select 'planted",
        "select 'planted\n on two lines\" ",
        'select "planted',
        "select 1 'x' 'planted'",
        "planted 1",
        "select x'planted'",
        "select [planted",
        "select json_extract('{}', 'planted')",
        "select * from f where f match '(a) planted) '",
    ],
)
def test_sqlite_s_own_messages_quote_no_more(statement: str) -> None:
    """Each is what SQLite says of it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create virtual table f using fts5(a)")
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute(statement)
    message = str(caught.value)
    redacted = without_quotations(f"Query failed: {message}\nas it was")
    assert "planted" not in redacted
    assert redacted.startswith("Query failed: ")


@pytest.mark.parametrize(
    "message", ["no such column: a", 'near miss "x"', "drawing near 'x'", 'near "', ""]
)
def test_other_messages_stay(message: str) -> None:
    """What names a column or a table, as an operator needs to read."""
    assert without_quotations(message) == message


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "(0.001) SELECT 1 WHERE a = 'x; args=y'; args=('planted', 1); alias=default",
            "(0.001) SELECT ? WHERE a = ?; args=?; alias=default",
        ),
        ("(0.000) BEGIN; args=None; alias=default", None),
        (
            "insert into t values ('planted'); (params ['planted'])",
            "insert into t values (?); (params ?)",
        ),
        ("CREATE TABLE t; (params None)", None),
        (
            "(IntegrityError) no\n[SQL: select 'planted']\n[parameters: ('planted',)]\n(see there)",
            "(IntegrityError) no\n[SQL: select ?]\n[parameters: ?]\n(see there)",
        ),
        (
            "DETAIL:  Key (email)=(planted) already exists.",
            "DETAIL:  Key (email)=(?) already exists.",
        ),
        ("Failing row contains (1, planted).", "Failing row contains (?)"),
        ("Duplicate entry 'planted' for key 'x'", "Duplicate entry '?' for key 'x'"),
        (
            "at or near \"planted\"\nLINE 1: select 'planted'\n   ^",
            'at or near "?"\nLINE 1: ?\n   ^',
        ),
    ],
)
def test_libraries_and_other_databases_log_no_values(message: str, shown: str | None) -> None:
    """Django with its logger for statements, SQLAlchemy, PostgreSQL and MySQL."""
    redacted = without_quotations(message)
    assert redacted == (message if shown is None else shown)
    assert without_quotations(redacted) == redacted


PLANTED = "zqvortex"


@pytest.mark.parametrize(
    "text",
    [
        # Statements in messages, with their parameters, and with several of their lines.
        "ERROR: conn=<x>, sql = \"select '{}'\", params = {{'a': '{}'}}: no such table: t",
        "{{'sql': \"SELECT '{}'\", 'time': '0.001'}}",
        "{{'sql': 'SELECT a', 'params': ('{}',)}}",
        "query failed: SELECT a FROM b WHERE c = '{}'",
        "executing select * from x where a = '{}'",
        "executing select * from x where a = 'b\n{}'",
        "took 5 s: INSERT INTO b VALUES ('{}')",
        "took 5 s: UPDATE b\nSET a = 1\nWHERE c = '{}'",
        "sql: select '{}'",
        "SELECT '{}'",
        "SELECT DISTINCT a, '{}'",
        "SELECT 5 = '{}' OR a",
        "SELECT\n  CASE WHEN a = '{}' THEN 1 END",
        "took 5 s: SELECT upper('{}')",
        "took 5 s: REPLACE INTO b VALUES ('{}')",
        "UPDATE OR IGNORE b SET c = '{}'",
        "VALUES ('{}')",
        "WITH a AS (VALUES('{}')) TABLE a",
        "MERGE INTO b USING c ON d = '{}'",
        "ATTACH DATABASE '{}'",
        "ATTACH '{}' AS b",
        "VACUUM INTO '{}'",
        "PRAGMA main.application_id = '{}'",
        "PRAGMA table_info('{}')",
        'CALL "b"."p"(\'{}\')',
        "EXEC p '{}'",
        "EXECUTE p(1, '{}')",
        "SET app.member = '{}'",
        "SET LOCAL app.member TO '{}'",
        "query: replace into b values ('{}')",
        "statement = 'call p(\"{}\")'",
        '{{"query": "pragma a = \'{}\'"}}',
        "statement='DELETE FROM b WHERE c = \\'{}\\''",
        # In the quotes that its literals have.
        "executing 'SELECT a FROM b WHERE c = '{}' AND d = 'e''",
        'executing "SELECT "a" FROM "b" WHERE c = \'{}\'"',
        "executing '\nSELECT a FROM b WHERE c = '{}''",
        # In a string within a string, as JSON in a log line has it.
        r"said \"SELECT a FROM b WHERE c = '{}'\", and more",
        r"'\\\'SELECT a FROM b WHERE c = \"{}\"\\\''",
        "(IntegrityError) no\n[SQL: select '{}']\n(see there)",
        # PostgreSQL, MySQL, SQLite and Python
        'invalid input syntax for type uuid: "{}"',
        'invalid input value for enum mood: "a "{}"',
        'date/time field value out of range: "{}"',
        'value "{}" is out of range for type integer',
        'malformed array literal: "{}"',
        'invalid\nDETAIL:  Token "{}" is invalid.\nCONTEXT:  JSON data, line 1: {}...',
        'CONTEXT:  COPY x, line 1, column a: "{}"',
        "DETAIL:  Key (a)=({}) conflicts with existing key (a)=({}).",
        "failed\nSTATEMENT:  select '{}'",
        "DETAIL:  Parameters: $1 = '{}', $2 = '5'",
        "Incorrect integer value: '{}' for column 'a' at row 1",
        "Truncated incorrect DOUBLE value: '{}'",
        "the right syntax to use near '{}' at line 1",
        'no such column: "{}" - should this be a string literal in single-quotes?',
        "malformed MATCH expression: [{}]",
        "unknown special query: {}",
        "invalid literal for int() with base 10: '{}'",
        "could not convert string to float: '{}'",
        # In a string within a string.
        r"ValueError(\"invalid literal for int() with base 10: \'{}\'\")",
        r'{{"msg": "invalid input syntax for type uuid: \"{}\""}}',
        # Of older releases, and in a list.
        "'{}' value must be an integer.",
        "['“a “{}” value must be an integer.', '“{}” is not a valid UUID.']",
        "Field 'id' expected a number but got ['{}', 'a'].",
        'Cannot query "{}": Must be "Member" instance.',
        "member instance with id '{}' does not exist.",
        "Select a valid choice. a '{}' is not one of the available choices.",
        "Invalid date string “{}” given format “%Y”",
        # libpq
        'invalid integer value "{}" for connection option "port"',
        'invalid port number: "{}"',
        'invalid sslmode value: "{}"',
        'invalid connection option "{}"',
        'missing "=" after "{}" in connection info string',
        'invalid percent-encoded token: "{}"',
        'unexpected spaces found in "{}", use percent-encoded spaces (%20) instead',
        'invalid URI query parameter: "{}"',
        'unexpected character "p" in position 9 in URI (expected ":" or "/"): "{}"',
        'could not translate host name "{}@db" to address: Name or service not known',
        # PostgreSQL
        'invalid value "{}" for "YYYY"',
        'invalid value for parameter "TimeZone": "{}"',
        'time zone "{}" not recognized',
        # Other libraries
        "argument --size: invalid int value: '{}'",
        "argument --size: invalid choice: '{}' (choose from 'a', 'b')",
        "invalid truth value '{}'",
        "Error: Invalid value for '--port': '{}' is not a valid integer.",
        "Unknown string format: {}",
    ],
)
def test_messages_lose_the_values_that_they_quote(text: str) -> None:
    shown = without_quotations(text.format(PLANTED, PLANTED))
    assert PLANTED not in shown
    assert without_quotations(shown) == shown


class Colour(Enum):
    RED = 1


@pytest.mark.parametrize(
    "convert",
    [
        int,
        lambda text: int(text.encode()),
        lambda text: int(f"{text}'\"", 36),
        float,
        lambda text: float(text.encode()),
        Fraction,
        Colour,
        datetime.date.fromisoformat,
        datetime.datetime.fromisoformat,
        datetime.time.fromisoformat,
        lambda text: datetime.datetime.strptime(text, "%Y-%m"),  # noqa: DTZ007
        lambda text: datetime.datetime.strptime(f"2024 {text}", "%Y"),  # noqa: DTZ007
        lambda text: time.strptime(text, "%Y"),
        ZoneInfo,
        lambda text: ZoneInfo(f"/{text}"),
        parsedate_to_datetime,
        lambda text: [].index(text),
        ipaddress.ip_address,
        ipaddress.ip_network,
        ipaddress.ip_interface,
        ipaddress.IPv4Address,
        lambda text: ipaddress.IPv4Address(f"1.2.3.{text}"),
        lambda text: ipaddress.IPv4Address(f"1/{text}"),
        lambda text: ipaddress.IPv4Network(f"1.2.3.4/{text}"),
        ipaddress.IPv6Address,
        lambda text: ipaddress.IPv6Address(f"1:{text}"),
        lambda text: ipaddress.IPv6Address(f"1::2::{text}"),
        lambda text: ipaddress.IPv6Address(f"1:2:3:4:5:6:7:{text}"),
        lambda text: ipaddress.IPv6Address(f":1:2:3:4:5:6:{text}"),
        lambda text: ipaddress.IPv6Address(f"1/{text}"),
        lambda text: urllib.parse.urlsplit(f"//a:{text}").port,
        lambda text: urllib.parse.urlsplit(f"//a\u2100{text}"),
        urllib.request.Request,
        lambda text: HTTPConnection(f"a:{text}"),
        lambda text: HTTPConnection("a").putrequest("GET", f"/a {text}"),
        lambda text: header("a", f"a\n{text}"),
        lambda text: header(f"a\n{text}", "a"),
        lambda text: b"a".decode(text),
    ],
)
def test_messages_of_the_standard_library_quote_no_values(
    convert: Callable[[str], object],
) -> None:
    """Each is what Python says of a text that it can't convert."""
    for text in (PLANTED, f"it's {PLANTED}", f"a \"b\" '{PLANTED}'"):
        with pytest.raises((ValueError, LookupError, HTTPException)) as caught:
            convert(text)
        message = str(caught.value)
        for around in ("{}", "ValueError: {}\nas it was", "failed ({!r})"):
            shown = without_quotations(around.format(message))
            assert PLANTED not in shown
            assert without_quotations(shown) == shown


def header(name: str, value: str) -> None:
    connection = HTTPConnection("a")
    connection.putrequest("GET", "/")
    connection.putheader(name, value)


def test_django_s_messages_quote_no_values() -> None:
    """All with a value that its model and form fields have."""
    code = """
import json
import django
from django.conf import settings
settings.configure()
django.setup()
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
found = set()
for each in (*vars(models).values(), *vars(forms).values()):
    for message in getattr(each, "default_error_messages", {}).values():
        if "%(value)" in str(message) or "%(pk)" in str(message):
            values = dict.fromkeys(("value", "pk"), "planted") | {"model": "a", "field": "a"}
            found.add(str(ValidationError(message, params=values)))
for field in (models.IntegerField, models.FloatField):
    try:
        field(name="a").get_prep_value("planted")
    except ValueError as error:
        found.add(str(error))
print(json.dumps(sorted(found)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    messages = json.loads(done.stdout)
    assert len(messages) > 15
    for message in messages:
        assert "planted" in message
        shown = without_quotations(message)
        assert "planted" not in shown
        assert without_quotations(shown) == shown


@pytest.mark.parametrize(
    "message",
    [
        "Enter a valid date.",
        "Select a valid choice. That choice is not one of the available choices.",
        "“Name” is required, and this value must be an integer.",
        "Ensure this value is less than or equal to 5.",
        "Invalid HTTP_HOST header: 'x.example'. You may need to add 'x.example' to ALLOWED_HOSTS.",
        "'planted' is not a valid tag or filter in tag library 'i18n'",
        "'primary_key' is not a valid argument for a FileField.",
        "Invalid filter: 'planted'",
        "the port of 'db' is in use; got 'a' of type: 'b' in 'c'",
        "Cannot resolve keyword 'nope' into field.",
        "badly formed hexadecimal UUID string",
        "time data: 'a' is read from 'b'",
        "the host name 'db' and the time zone 'UTC' are set",
    ],
)
def test_messages_without_a_value_stay(message: str) -> None:
    assert without_quotations(message) == message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            r"said \"SELECT a FROM b WHERE c = 'planted'\", and more",
            r"said \"SELECT a FROM b WHERE c = ?\", and more",
        ),
        (
            "(IntegrityError) no\n[SQL: select 'planted']\n(see there)",
            "(IntegrityError) no\n[SQL: select ?]\n(see there)",
        ),
        # A string without an end, in front of a statement.
        ("'\nSELECT a FROM b WHERE c = 5, d", "'\nSELECT a FROM b WHERE c = ?, d"),
        (
            "time data 'planted' does not match format '%Y'",
            "time data '?' does not match format '%Y'",
        ),
        (
            "page 'a': b'planted' does not appear to be an IPv4 or IPv6 address",
            "page 'a': b'?' does not appear to be an IPv4 or IPv6 address",
        ),
        ("“a” of “b”\n“planted” is not a valid UUID.", "“a” of “b”\n“?” is not a valid UUID."),
        (
            "Invalid date string “planted” given format “%Y”",
            "Invalid date string “?” given format “%Y”",
        ),
        (
            'invalid integer value "planted" for connection option "port"',
            'invalid integer value "?" for connection option "port"',
        ),
    ],
)
def test_what_surrounds_a_quotation_stays(text: str, shown: str) -> None:
    """Behind the string that it is in, with or without backslashes, and behind its brackets."""
    assert without_quotations(text) == shown


def test_what_surrounds_a_statement_in_a_message_stays() -> None:
    """And sentences have words of SQL."""
    for text in (
        "please select an item from the 'Minutes' menu, page 5",
        "update the set of rules, and delete what is from 2014",
        "value of the 'a' field: 5 is not in range",
        "select one of the 5 options from the 'Minutes' menu",
        "SELECT one of the 5 options in the 'Minutes' menu",
        "VALUES are wrong: 'a', 5",
        "REPLACE the 'a' and MERGE it INTO the 5 others; CALL 555 for 'b'",
        "ATTACH the 5 'files'; EXECUTE the 5 'steps'; SET the 'colour' TO 5",
        "the query: 5 of 'a'; the statement: 'we call 5 people'",
    ):
        assert without_quotations(text) == text
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/views.py", line 55, in view\n'
        "    cursor.execute(\"SELECT a FROM b WHERE c = 'd'\")\n"
        '  File "/srv/app/db.py", line 12, in execute\n'
        "KeyError: 'name'"
    )
    assert without_quotations(traceback) == traceback.replace("'d'", "?")


@pytest.mark.parametrize(
    "statement",
    [
        f"select $${PLANTED}$$, 1",
        f"select $tag$a $$ {PLANTED}$tag$ from t",
        f"select $a${PLANTED}",
        rf"select E'a\'{PLANTED}'",
        f"select e'{PLANTED}",
        # A number plate: digits first, which SQLite calls an unrecognized token.
        "select a from t where plate = 7zqvortex",
        "select 1_000_zqvortex",
    ],
)
def test_other_literals_are_replaced(statement: str) -> None:
    """PostgreSQL's strings, and words that begin with a digit."""
    assert PLANTED not in without_literals(statement)
    assert without_literals("select $1, $a from t") == "select $1, $a from t"
