"""Query strings: names stay, values go."""

from __future__ import annotations

import html
import json
import pprint
import subprocess
import sys
from urllib.parse import urlencode

import pytest
from httpx import QueryParams
from hypothesis import given
from hypothesis import strategies as st

from telemetry.redaction.query_strings import (
    without_named_values,
    without_values,
    without_values_in,
)
from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings

KEPT = {"_size", "_sort", "_facet"}
WORD = "zqvortex"
REDACTOR = Redactor(RedactionSettings())


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ""),
        ("sql=select+1", "sql=REDACTED"),
        ("_size=100&_search=planted&_sort=date", "_size=100&_search=REDACTED&_sort=date"),
        ("title__contains=planted&", "title__contains=REDACTED&"),
        ("empty=&_facet=", "empty=&_facet="),
        ("planted", "REDACTED"),
        ("a=b=planted", "a=REDACTED"),
        ("_sort=bob@example.org", "_sort=REDACTED"),
        ("_sort=" + "x" * 65, "_sort=REDACTED"),
        ("_sort=a%20planted", "_sort=REDACTED"),
        # Half of a name may be half of an address.
        ("n" * 100 + "=1", "REDACTED=REDACTED"),
        ("n" * 55 + "@mail.example.org=", "REDACTED="),
    ],
)
def test_values_go(query: str, shown: str) -> None:
    """But those of Datasette's own parameters, where they look like a name or a number."""
    assert without_values(query, KEPT) == shown


def test_parameters_are_bounded() -> None:
    """Of a thousand, the first say enough."""
    shown = without_values("&".join(f"a{n}=planted" for n in range(1000)), KEPT)
    assert shown.count("=") == 64
    assert shown.endswith("&…")
    assert "planted" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /a?b=planted HTTP/1.1", "GET /a?b=REDACTED HTTP/1.1"),
        ("'/a?_size=5&b=planted#top'", "'/a?_size=5&b=REDACTED#top'"),
        ('<a href="/?b=planted">', '<a href="/?b=REDACTED">'),
        ("/login/?next=/a?b=planted", "/login/?next=REDACTED"),
        ("two: /a?b=planted /c?d=planted", "two: /a?b=REDACTED /c?d=REDACTED"),
        ("http://x.example/a?planted", "http://x.example/a?REDACTED"),
        ("<http://x.example/?a=1'planted'>; rel=x", "<http://x.example/?a=REDACTED>; rel=x"),
        ("GET '/a?b=planted', then 'c'", "GET '/a?b=REDACTED', then 'c'"),
        ("b'a=1?b=planted'", "b'a=1?b=REDACTED'"),
        ("Why? a = 1", "Why? a = 1"),
        ("where a = ? and b=1", "where a = ? and b=1"),
        ("really?", "really?"),
        ("what?no", "what?no"),
    ],
)
def test_so_do_those_within_a_text(text: str, shown: str) -> None:
    """Where an address ends there."""
    assert without_values_in(text, KEPT) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("QUERY_STRING='a=planted&_size=5'", "QUERY_STRING='a=REDACTED&_size=5'"),
        ("{'query_string': b'q=planted'}", "{'query_string': b'q=REDACTED'}"),
        ('{"query_string": "planted", "n": 1}', '{"query_string": "REDACTED", "n": 1}'),
        (r'"{\"query_string\": \"q=planted\"}"', r'"{\"query_string\": \"q=REDACTED\"}"'),
        ("{'wsgi.QUERY_STRING': 'a=it\\'s planted'}", "{'wsgi.QUERY_STRING': 'a=REDACTED'}"),
        ("environ['QUERY_STRING'] = 'a=planted'", "environ['QUERY_STRING'] = 'a=REDACTED'"),
        ("('QUERY_STRING', 'a=planted')", "('QUERY_STRING', 'a=REDACTED')"),
        ("'rawQueryString' => 'a=planted'", "'rawQueryString' => 'a=REDACTED'"),
        ("query_string: bytes = b'a=planted'", "query_string: bytes = b'a=REDACTED'"),
        (
            "&quot;QUERY_STRING&quot;: &quot;a=%22planted&quot;",
            "&quot;QUERY_STRING&quot;: &quot;a=REDACTED&quot;",
        ),
        ("QUERY_STRING=a=planted&b=2 X=5", "QUERY_STRING=a=REDACTED&b=REDACTED X=5"),
        ("query string: a=planted, so", "query string: a=REDACTED, so"),
        ("QueryParams('q=planted')", "QueryParams('q=REDACTED')"),
        ("{'url.query': 'q=planted'}", "{'url.query': 'q=REDACTED'}"),
        ("'query_string': b'a=planted\nb", "'query_string': b'a=REDACTED\nb"),
        (
            "<QueryDict: {'q': ['planted', \"it's\"], '_size': ['5'], '_sort': []}> of",
            "<QueryDict: {'q': ['REDACTED'], '_size': ['5'], '_sort': []}> of",
        ),
        ("<QueryDict: {}>", "<QueryDict: {}>"),
        ("<QueryDict: {'q': ['planted", "<QueryDict: {'q': ['REDACTED']"),
        ("query_string = request.META['QUERY_STRING']", None),
        ("environ.get('QUERY_STRING', '')", None),
        ("parse_qsl(request.query_string, keep_blank_values=True)", None),
        ("environ['QUERY_STRING'] = urlencode(parameters, doseq=True)", None),
        ("self.get_query_string(remove=[self.name])", None),
        ("the query string is empty, the query took 5 ms: a=b", None),
        ("{'query_string': b'', 'a': 'b'}", None),
        ("def page(query_string: str, a='b')", None),
        ("class QueryDict: {'a': 5}", None),
    ],
)
def test_so_do_those_behind_a_name(text: str, shown: str | None) -> None:
    """Without a question mark in front, as servers and frameworks have them."""
    redacted = without_named_values(text, KEPT)
    assert redacted == (text if shown is None else shown)
    assert without_named_values(redacted, KEPT) == redacted


@given(st.text(st.sampled_from("ab1 '\"\\\\{}[]()<>,;:=&%#?é\n"), max_size=12))
def test_a_server_s_dump_has_no_values(value: str) -> None:
    """Of any value, as these write it."""
    query = urlencode({"q": f"{value}{WORD}", "n": 1})
    scope = {"type": "http", "query_string": query.encode(), "path": "/"}
    for text in (
        repr(scope),
        pprint.pformat(scope, width=20),
        json.dumps({"QUERY_STRING": query}),
        json.dumps(json.dumps({"QUERY_STRING": f"q={value}{WORD}"})),
        html.escape(repr({"QUERY_STRING": query})),
        repr(QueryParams(query)),
        f"failed with QUERY_STRING={query}",
    ):
        assert WORD not in REDACTOR.text(text), text


def test_django_s_parameters_have_no_values() -> None:
    """As many as there are, and of any value."""
    code = """
import sys
from django.conf import settings
settings.configure()
from django.http import QueryDict
for value in ("planted", "it's planted", "a ' and \\" planted", "\\\\planted", "], 'b': ['planted"):
    query = QueryDict(mutable=True)
    query.setlist("q", [value] * 3)
    query["_size"] = "5"
    print(repr(query))
    print(repr([query, value and repr(query)]))
print(repr(QueryDict("&".join(f"n{number}=planted" for number in range(200)))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 11
    for line in lines:
        assert "planted" in line
        assert "planted" not in REDACTOR.text(line)
        assert line == lines[-1] or "'_size': ['5']" in REDACTOR.text(line)
