"""Each page as HTML, JSON and plain text, at the same address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.telemetry.viewer.sending import PROTOBUF, Trace, log_message, new_id

if TYPE_CHECKING:
    import httpx

HTML, JSON, TEXT = ("text/html", "application/json", "text/plain")


@pytest.fixture
def sent(viewer: httpx.Client) -> tuple[str, Trace]:
    """A site, and its trace, which has been sent with a log record."""
    site, trace = f"s{new_id(8).hex()}.ca", Trace()
    root = trace.span(
        "GET /{database}",
        corkboard_site=site,
        http_route="/{database}",
        http_request_method="GET",
        url_path=f"/of/{site}",
        http_response_status_code=500,
        failed=True,
        url_scheme="http",
        server_address=f"{site}.localhost",
        server_port=8000,
        events={"exception": {"exception.type": "ValueError", "exception.message": "planted"}},
    )
    # OpenTelemetry's name has an underscore.
    root_span = trace.message.resource_spans[0].scope_spans[0].spans[0]
    for pair in root_span.attributes:
        if pair.key == "http.response.status.code":
            pair.key = "http.response.status_code"
    trace.span(
        "db.query", parent=root, kind=1, for_ms=8, db_query_text="select\n  1", corkboard_site=site
    )
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    record = log_message(f"said by {site}", trace, root, corkboard_site=site)
    viewer.post("/v1/logs", headers=PROTOBUF, content=record.SerializeToString())
    return site, trace


@pytest.mark.parametrize(
    ("suffix", "accept", "form"),
    [
        ("", "*/*", HTML),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", HTML),
        ("", "application/json", JSON),
        ("", "text/plain", TEXT),
        ("", "text/html;q=0.5, application/json", JSON),
        ("", "application/json;q=0, text/plain;q=0.1", TEXT),
        ("", "application/json;q=x", HTML),
        ("", "image/png", HTML),
        ("", "", HTML),
        (".json", "text/html", JSON),
        (".txt", "text/html", TEXT),
    ],
)
@pytest.mark.parametrize("path", ["/requests", "/trace/{trace}", "/sql"])
def test_a_page_has_three_forms(
    viewer: httpx.Client, sent: tuple[str, Trace], path: str, suffix: str, accept: str, form: str
) -> None:
    """By the address, or else by the `Accept` header."""
    address = path.format(trace=sent[1].id.hex()) + suffix
    answer = viewer.get(address, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{form}; charset=utf-8"
    assert "Accept" in answer.headers["vary"].split(", ")
    if form == JSON:
        answer.json()


def test_the_list_and_a_trace_for_machines(viewer: httpx.Client, sent: tuple[str, Trace]) -> None:
    """With everything that the page has, and times of both kinds."""
    site, trace = sent
    [row] = viewer.get("/.json", params={"site": site}).json()["requests"]
    assert row["address"] == f"/trace/{trace.id.hex()}"
    expected = {"method": "GET", "path": f"/of/{site}", "site": site, "http_status": 500}
    expected |= {"route": "/{database}", "span_count": 2, "error_count": 1, "logs": 1}
    assert {name: row[name] for name in expected} == expected
    assert row["start"].startswith("20")
    found = viewer.get(f"{row['address']}.json").json()
    assert [span["name"] for span in found["spans"]] == ["GET /{database}", "db.query"]
    assert found["spans"][0]["attributes"]["corkboard.site"] == site
    assert [event["name"] for event in found["events"]] == ["exception"]
    assert [log["body"] for log in found["logs"]] == [f"said by {site}"]


def test_text_is_one_line_for_each_thing(viewer: httpx.Client, sent: tuple[str, Trace]) -> None:
    """For a terminal."""
    site, trace = sent
    text = viewer.get("/.txt", params={"site": site}).text
    heading, row = text.splitlines()
    assert heading.split() == [
        "time",
        "status",
        "duration",
        "queries",
        "spans",
        "logs",
        "trace",
        "request",
    ]
    assert f"{trace.id.hex()}  GET /of/{site} {site} [1 failed]" in row
    lines = viewer.get(f"/trace/{trace.id.hex()}.txt").text.splitlines()
    assert lines[0] == f"trace {trace.id.hex()}"
    assert lines[3].split() == ["100", "ms", "GET", "/{database}", "500", "FAILED"]
    assert "ValueError: planted" in [line.strip() for line in lines]
    assert f"WARN said by {site}" in [line.strip() for line in lines]
    assert "   8.0 ms    db.query" in lines
    assert "select 1" in [line.strip() for line in lines]


def test_text_has_no_control_characters(viewer: httpx.Client) -> None:
    """A terminal would obey them."""
    trace = Trace()
    trace.span("\x1b[31mred\x07", url_path="/\x1b]0;title\x07", db_query_text="select\n\x1b[2J")
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    for address in (f"/trace/{trace.id.hex()}.txt", "/.txt", "/sql.txt", "/routes.txt"):
        text = viewer.get(address).text
        assert not [c for c in text if ord(c) < 32 and c != "\n"], address


def test_a_trace_is_found_by_the_beginning_of_its_id(viewer: httpx.Client) -> None:
    """If it is of no other; in upper case too."""
    trace, other = Trace(), Trace()
    trace.id = os.urandom(15) + b"a"
    other.id = trace.id[:-1] + b"b"
    trace_id = trace.id.hex()

    def send(one: Trace) -> None:
        one.span("GET /")
        viewer.post("/v1/traces", headers=PROTOBUF, content=one.message.SerializeToString())

    send(trace)
    for given in (trace_id.upper(), trace_id[:20]):
        assert viewer.get(f"/trace/{given}.json").json()["trace_id"] == trace_id
    send(other)
    answer = viewer.get(f"/trace/{trace_id[:20]}.json")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"More than one trace begins with {trace_id[:20]}: ")
    answer = viewer.get("/trace/c0ffee00.txt")
    assert answer.status_code == 404
    assert answer.text.startswith("No trace begins with c0ffee00.")


def test_search_finds_ids_paths_and_texts(viewer: httpx.Client, sent: tuple[str, Trace]) -> None:
    """By one field, on one page."""
    site, trace = sent

    def found(text: str) -> tuple[list[str], list[str]]:
        answer = viewer.get("/search.json", params={"q": text}).json()
        traces = [row["trace_id"] for row in answer["requests"]]
        return traces, [row["body"] for row in answer["logs"]]

    assert found(trace.id.hex()) == ([trace.id.hex()], [])
    assert found(f"/of/{site}") == ([trace.id.hex()], [])
    assert found(f"said by {site}") == ([], [f"said by {site}"])
    assert found("") == ([], [])
    page = viewer.get("/search", params={"q": site}).text
    assert f"/of/{site}" in page
    assert f"said by {site}" in page


def test_a_request_links_to_its_site_route_and_error(
    viewer: httpx.Client, sent: tuple[str, Trace]
) -> None:
    """From the list, and from its own page."""
    site, trace = sent
    page = viewer.get("/", params={"site": site}).text
    assert f'href="/?site={site}"' in page
    assert f'href="/?site={site}&amp;route=%2F%7Bdatabase%7D"' in page
    assert f'href="/trace/{trace.id.hex()}#error"' in page
    page = viewer.get(f"/trace/{trace.id.hex()}").text
    assert page.count('id="error"') == 1
    assert f'href="http://{site}.localhost:8000/of/{site}"' in page


def test_one_row_for_a_statement_of_a_span_and_of_statistics(viewer: httpx.Client) -> None:
    """With the time that the queries ran, and how much of all SQL the rows account for."""
    site, table = f"s{new_id(8).hex()}.ca", f"t{new_id(8).hex()}"
    trace = Trace()
    statistics: dict[str, Any] = {
        "corkboard_queries_count": 10,
        "corkboard_queries_execution-time": 0.020,
        "corkboard_queries_statements": [f"select * from {table}"],
        "corkboard_queries_statements_count": [4],
        "corkboard_queries_statements_execution-time": [0.010],
        "corkboard_queries_statements_max-execution-time": [0.004],
    }
    root = trace.span("GET /", corkboard_site=site, **statistics)
    query = trace.span(
        "db.query",
        parent=root,
        kind=3,
        for_ms=50,
        db_query_text=f"select *\n                from {table}",
        corkboard_site=site,
    )
    # It waited for a thread before.
    trace.span(
        "db.query.execute", parent=query, kind=1, after_ms=20, for_ms=30, corkboard_site=site
    )
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    found = viewer.get("/sql.json", params={"site": site}).json()
    [group] = found["groups"]
    [row] = group["statements"]
    assert row["text"] == f"select *\nfrom {table}"
    assert (row["count"], row["total_ms"], row["longest_ms"]) == (5, 40.0, 30.0)
    assert (found["count"], found["shown_count"]) == (11, 5)
    assert (found["total_ms"], found["shown_ms"]) == (50.0, 40.0)
    said = (
        "These rows account for 80% of all SQL time: 40.0 ms of 50.0 ms, and for 5 of 11 queries."
    )
    assert said in viewer.get("/sql", params={"site": site}).text
    assert viewer.get("/sql.txt", params={"site": site}).text.splitlines()[0] == said


def test_a_statement_recorded_twice_is_counted_once(viewer: httpx.Client) -> None:
    """By Datasette and by an instrumentation of SQLite within it."""
    site, trace = f"s{new_id(8).hex()}.ca", Trace()
    outer = trace.span("db.query", for_ms=10, db_query_text="select 1", corkboard_site=site)
    trace.span("SELECT", parent=outer, for_ms=9, db_query_text="select 1", corkboard_site=site)
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    found = viewer.get("/sql.json", params={"site": site}).json()
    assert (found["count"], found["total_ms"]) == (1, 10.0)


@pytest.mark.parametrize("path", ["/", "/logs", "/sql", "/routes", "/search?q=a"])
def test_a_page_that_has_not_changed_is_not_made_again(viewer: httpx.Client, path: str) -> None:
    """Until something arrives."""
    first = viewer.get(path)
    tag = {"If-None-Match": first.headers["etag"]}
    again = viewer.get(path, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    trace = Trace()
    trace.span("new")
    viewer.post("/v1/traces", headers=PROTOBUF, content=trace.message.SerializeToString())
    assert viewer.get(path, headers=tag).status_code == 200
